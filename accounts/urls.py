from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("time-zone/", views.time_zone, name="time_zone"),
    path("accounts/reauthenticate/code/", views.prove_by_code, name="prove_by_code"),
    path("my/profile/", views.profile, name="profile"),
]
