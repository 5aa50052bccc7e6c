from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    # Django's own app has the label "sessions"; two apps cannot share one.
    label = "group_sessions"
    verbose_name = "Groups and sessions"
