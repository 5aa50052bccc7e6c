from django.urls import path

from practice.views import hub, own_data

app_name = "practice"
urlpatterns = [
    path("my/data/", own_data.own_data, name="own_data"),
    path("my/data/download/", own_data.download, name="download"),
    path("my/data/erase/<slug:what>/", own_data.erase, name="erase"),
    path("my/<uuid:public_id>/practice/", hub.hub, name="hub"),
    path("my/<uuid:public_id>/practice/plan.fhir.json", own_data.plan_fhir, name="plan_fhir"),
]
