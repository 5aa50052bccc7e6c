from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        # They need the models, which are loaded by now.
        from billing import mails, own_data, plan_mails

        mails.register_kinds()
        plan_mails.register_kinds()
        own_data.register_room()
