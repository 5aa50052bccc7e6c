"""What this room keeps about a person, for that person."""

from accounts.exports import Room, Table, fields, register
from outbox.models import Message

ROOM = Room(
    "mails",
    "which mails were sent to you and when; what they said is not kept",
    (
        Table(
            "mails",
            lambda person: Message.objects.filter(recipient=person).order_by("pk"),
            fields("kind", "state", "created_at", "sent_at"),
        ),
    ),
)


def register_room() -> None:
    register(ROOM)
