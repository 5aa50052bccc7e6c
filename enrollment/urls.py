from django.urls import path, re_path

from enrollment.views import changing, desk, doors, making_up, mine, public, reserving, season

app_name = "enrollment"
urlpatterns = [
    path("", public.home, name="home"),
    path("groups/<slug:slug>/", public.cohort, name="cohort"),
    path("groups/<slug:slug>/reserve/", reserving.about_you, name="about_you"),
    path("groups/<slug:slug>/reserve/agreements/", reserving.agreements, name="agreements"),
    path("my/", mine.my_groups, name="my_groups"),
    path("my/answers/", mine.answers, name="answers"),
    path("my/<uuid:public_id>/", mine.my_group, name="my_group"),
    path("my/<uuid:public_id>/weeks/<int:number>/", making_up.own_week, name="own_week"),
    path("my/<uuid:public_id>/calendar.ics", mine.calendar, name="calendar"),
    path("lead/", desk.today, name="desk"),
    path("lead/<slug:slug>/", desk.group_roster, name="roster"),
    path("lead/<slug:slug>/attendance.csv", desk.roster_csv, name="roster_csv"),
    path("lead/<slug:slug>/dates/", changing.dates, name="change_dates"),
    path("lead/<slug:slug>/<int:number>/", desk.register, name="register"),
    path("lead/<slug:slug>/<int:number>/arrivals/", desk.arrivals, name="arrivals"),
    path("lead/<slug:slug>/<int:number>/start/", desk.start, name="start"),
    path("plan/", season.overview, name="season"),
    path("plan/new/", season.new, name="plan_new"),
    path("plan/<slug:slug>/", season.plan, name="plan"),
    path("plan/<slug:slug>/edit/", season.edit, name="plan_edit"),
    path("plan/<slug:slug>/copy/", season.copy, name="plan_copy"),
    path("plan/<slug:slug>/dates/", season.dates, name="plan_dates"),
    path("plan/<slug:slug>/publish/", season.publish, name="plan_publish"),
    path("plan/<slug:slug>/archive/", season.archive, name="plan_archive"),
    path("plan/<slug:slug>/seats/", season.capacity, name="plan_capacity"),
    re_path(r"^join/(?P<token>[A-Za-z0-9_-]{1,64})/$", doors.door, name="door"),
]
