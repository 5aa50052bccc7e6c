from django.urls import path

from practice.views import care, hub, leading, sharing, suggestions

app_name = "practice"
SHARING = "my/<uuid:public_id>/practice/sharing/"
CARE = "care/<uuid:public_id>/"
LEADING = "lead/<slug:slug>/<int:number>/practice/"
urlpatterns = [
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
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
    path(LEADING, leading.session_list, name="leading"),
    path(f"{LEADING}<uuid:public_id>/", leading.one_member, name="leading_member"),
]
