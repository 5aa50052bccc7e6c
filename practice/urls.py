from django.urls import path

from practice.views import goals, hub, looks, progress

app_name = "practice"
GOALS = "my/<uuid:public_id>/practice/goals/"
PROGRESS = "my/<uuid:public_id>/practice/progress/"
urlpatterns = [
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
    path(GOALS, goals.goals, name="goals"),
    path(f"{GOALS}new/", goals.new_goal, name="goal_new"),
    path(f"{GOALS}<uuid:goal>/", goals.goal, name="goal"),
    path(f"{GOALS}<uuid:goal>/end/", goals.end_goal, name="goal_end"),
    path(f"{GOALS}<uuid:goal>/weeks/<int:week>/", looks.look, name="goal_look"),
    path(PROGRESS, progress.progress, name="progress"),
    path(f"{PROGRESS}<slug:name>-<slug:theme>.svg", progress.picture, name="picture"),
    path(f"{PROGRESS}week-<int:week>.pdf", progress.paper, name="progress_paper"),
]
