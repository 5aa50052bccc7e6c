from django.urls import path, register_converter

from practice.days import DayConverter
from practice.views import carrying, daily_life, diary, hub, planning

register_converter(DayConverter, "day")

app_name = "practice"
urlpatterns = [
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
    path("my/<uuid:public_id>/practice/bring/", carrying.bring, name="bring"),
    path("my/daily-life/", daily_life.overview, name="daily_life"),
    path("my/daily-life/<slug:area>/", daily_life.one_area, name="daily_life_area"),
    path("my/<uuid:public_id>/practice/weeks/<int:number>/", planning.own_week, name="week"),
    path("my/<uuid:public_id>/practice/diary/", diary.days, name="diary"),
    path("my/<uuid:public_id>/practice/diary/<day:date>/", diary.day, name="diary_day"),
]
