from django.apps import AppConfig


class EnrollmentConfig(AppConfig):
    name = "enrollment"

    def ready(self) -> None:
        # They need the models, which are loaded by now.
        from enrollment import (
            leading_mails,
            mails,
            message_mails,
            own_data,
            visit_mails,
            waitlist_mails,
        )

        for kinds in (leading_mails, mails, message_mails, visit_mails, waitlist_mails):
            kinds.register_kinds()
        own_data.register_room()
