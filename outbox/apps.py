from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "outbox"

    def ready(self) -> None:
        from outbox import own_data  # needs the models, which are loaded by now

        own_data.register_room()
