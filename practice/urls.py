from django.urls import path, register_converter

from practice.days import DayConverter
from practice.views import (
    care,
    care_copies,
    carrying,
    daily_life,
    diary,
    goals,
    hub,
    leading,
    looks,
    own_data,
    planning,
    progress,
    sharing,
    suggestions,
)

register_converter(DayConverter, "day")

app_name = "practice"
GOALS = "my/<uuid:public_id>/practice/goals/"
PROGRESS = "my/<uuid:public_id>/practice/progress/"

SHARING = "my/<uuid:public_id>/practice/sharing/"
CARE = "care/<uuid:public_id>/"
LEADING = "lead/<slug:slug>/<int:number>/practice/"
urlpatterns = [
    path("my/data/", own_data.own_data, name="own_data"),
    path("my/data/download/", own_data.download, name="download"),
    path("my/data/erase/<slug:what>/", own_data.erase, name="erase"),
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
    path("my/<uuid:public_id>/practice/bring/", carrying.bring, name="bring"),
    path("my/daily-life/", daily_life.overview, name="daily_life"),
    path("my/daily-life/<slug:area>/", daily_life.one_area, name="daily_life_area"),
    path("my/<uuid:public_id>/practice/weeks/<int:number>/", planning.own_week, name="week"),
    path("my/<uuid:public_id>/practice/diary/", diary.days, name="diary"),
    path("my/<uuid:public_id>/practice/diary/<day:date>/", diary.day, name="diary_day"),
    path(GOALS, goals.goals, name="goals"),
    path(f"{GOALS}new/", goals.new_goal, name="goal_new"),
    path(f"{GOALS}<uuid:goal>/", goals.goal, name="goal"),
    path(f"{GOALS}<uuid:goal>/end/", goals.end_goal, name="goal_end"),
    path(f"{GOALS}<uuid:goal>/weeks/<int:week>/", looks.look, name="goal_look"),
    path(PROGRESS, progress.progress, name="progress"),
    path(f"{PROGRESS}<slug:name>-<slug:theme>.svg", progress.picture, name="picture"),
    path(f"{PROGRESS}week-<int:week>.pdf", progress.paper, name="progress_paper"),
    path("my/<uuid:public_id>/practice/plan.fhir.json", own_data.plan_fhir, name="plan_fhir"),
    path(SHARING, sharing.overview, name="sharing"),
    path(f"{SHARING}new/", sharing.new, name="share_new"),
    path(f"{SHARING}leader/", sharing.leader, name="share_leader"),
    path(f"{SHARING}goals/", sharing.goals, name="share_goals"),
    path(f"{SHARING}suggestions/<uuid:proposal>/", suggestions.proposal, name="proposal"),
    path(f"{SHARING}<uuid:share>/", sharing.one, name="share"),
    path(f"{SHARING}<uuid:share>/change/", sharing.change, name="share_change"),
    path("care/", care.members, name="care"),
    path(CARE, care.overview, name="care_overview"),
    path(f"{CARE}plan/", care.plan, name="care_plan"),
    path(f"{CARE}diary/", care.diary, name="care_diary"),
    path(f"{CARE}goals/", care.goals, name="care_goals"),
    path(f"{CARE}attendance/", care.attendance, name="care_attendance"),
    path(f"{CARE}plan.fhir.json", care_copies.plan_fhir, name="care_fhir"),
    path(f"{CARE}summary.pdf", care_copies.summary, name="care_summary"),
    path(LEADING, leading.session_list, name="leading"),
    path(f"{LEADING}<uuid:public_id>/", leading.one_member, name="leading_member"),
]
