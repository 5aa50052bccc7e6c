from django.apps import AppConfig


class PracticeConfig(AppConfig):
    name = "practice"

    def ready(self) -> None:
        from practice import own_data  # needs the models, which are loaded by now

        own_data.register_room()
