from django.urls import path

from practice.views import carrying, hub

app_name = "practice"
urlpatterns = [
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
    path("my/<uuid:public_id>/practice/bring/", carrying.bring, name="bring"),
]
