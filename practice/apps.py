from django.apps import AppConfig


class PracticeConfig(AppConfig):
    name = "practice"

    def ready(self) -> None:
        from practice import care_mails, own_data  # need the models, which are loaded by now

        care_mails.register_kinds()
        own_data.register_room()
