from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import mails, plan_mails  # need the models, which are loaded by now

        mails.register_kinds()
        plan_mails.register_kinds()
