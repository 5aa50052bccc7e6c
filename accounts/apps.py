from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # They need the models of every app.
        from accounts import own_data, receivers  # noqa: F401

        own_data.register_room()
