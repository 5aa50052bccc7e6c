from django.urls import path

from practice.views import hub

app_name = "practice"
urlpatterns = [
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
]
