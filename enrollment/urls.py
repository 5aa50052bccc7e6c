from django.urls import path, re_path

from enrollment import views

app_name = "enrollment"
urlpatterns = [
    path("", views.home, name="home"),
    path("groups/<slug:slug>/", views.cohort, name="cohort"),
    path("groups/<slug:slug>/reserve/", views.about_you, name="about_you"),
    path("groups/<slug:slug>/reserve/agreements/", views.agreements, name="agreements"),
    path("my/", views.my_groups, name="my_groups"),
    path("my/answers/", views.answers, name="answers"),
    path("my/<uuid:public_id>/", views.my_group, name="my_group"),
    path("my/<uuid:public_id>/calendar.ics", views.calendar, name="calendar"),
    re_path(r"^join/(?P<token>[A-Za-z0-9_-]{1,64})/$", views.door, name="door"),
]
