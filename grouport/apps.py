from django.apps import AppConfig


class GrouportConfig(AppConfig):
    name = "grouport"

    def ready(self) -> None:
        from grouport import checks  # noqa: F401  registers the system check, needs the registry
