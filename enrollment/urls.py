from django.urls import path, re_path

from enrollment.views import desk, doors, mine, public, reserving

app_name = "enrollment"
urlpatterns = [
    path("", public.home, name="home"),
    path("groups/<slug:slug>/", public.cohort, name="cohort"),
    path("groups/<slug:slug>/reserve/", reserving.about_you, name="about_you"),
    path("groups/<slug:slug>/reserve/agreements/", reserving.agreements, name="agreements"),
    path("my/", mine.my_groups, name="my_groups"),
    path("my/answers/", mine.answers, name="answers"),
    path("my/<uuid:public_id>/", mine.my_group, name="my_group"),
    path("my/<uuid:public_id>/calendar.ics", mine.calendar, name="calendar"),
    path("lead/", desk.today, name="desk"),
    path("lead/<slug:slug>/", desk.group_roster, name="roster"),
    path("lead/<slug:slug>/attendance.csv", desk.roster_csv, name="roster_csv"),
    path("lead/<slug:slug>/<int:number>/", desk.register, name="register"),
    path("lead/<slug:slug>/<int:number>/arrivals/", desk.arrivals, name="arrivals"),
    path("lead/<slug:slug>/<int:number>/start/", desk.start, name="start"),
    re_path(r"^join/(?P<token>[A-Za-z0-9_-]{1,64})/$", doors.door, name="door"),
]
