from django.apps import AppConfig


class PracticeConfig(AppConfig):
    name = "practice"

    def ready(self) -> None:
        from practice import care_mails  # needs the models, which are loaded by now

        care_mails.register_kinds()
