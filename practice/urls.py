from django.urls import path

from practice.views import carrying, daily_life, hub, planning

app_name = "practice"
urlpatterns = [
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
    path("my/<uuid:public_id>/practice/bring/", carrying.bring, name="bring"),
    path("my/daily-life/", daily_life.overview, name="daily_life"),
    path("my/daily-life/<slug:area>/", daily_life.one_area, name="daily_life_area"),
    path("my/<uuid:public_id>/practice/weeks/<int:number>/", planning.own_week, name="week"),
]
