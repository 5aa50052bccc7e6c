from django.urls import path, register_converter

from practice.days import DayConverter
from practice.views import diary, hub

register_converter(DayConverter, "day")

app_name = "practice"
urlpatterns = [
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
    path("my/<uuid:public_id>/practice/diary/", diary.days, name="diary"),
    path("my/<uuid:public_id>/practice/diary/<day:date>/", diary.day, name="diary_day"),
]
