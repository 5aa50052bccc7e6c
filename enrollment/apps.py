from django.apps import AppConfig


class EnrollmentConfig(AppConfig):
    name = "enrollment"

    def ready(self) -> None:
        from enrollment import mails, visit_mails  # need the models, which are loaded by now

        mails.register_kinds()
        visit_mails.register_kinds()
