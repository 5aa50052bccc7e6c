"""What became of the messages to a group, for whoever leads it: states in words, no addresses.

The number of queries does not depend on how many messages or members there are.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from enrollment.group_messages import WAITING, can_be_cancelled, mails_of, recipients
from enrollment.models import Enrollment, GroupMessage
from enrollment.roster import name_of
from enrollment.states import IN_STANDING
from outbox.models import Message, State
from sessions import leading
from sessions.models import Cohort

# What a list counts, in the order in which it says so.
COUNTED = {
    "sent": (State.SENT,),
    "waiting": WAITING,
    "could not be delivered": (State.FAILED,),
    "not sent": (State.NOT_OWED,),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One message among others. `to` is empty for everybody; `counts` as in "3 sent".

    `obstacle` says why it did not go out, if that was nobody's wish.
    """

    message: GroupMessage
    to: list[str]
    counts: list[str]
    obstacle: str


def written_to(cohort: Cohort) -> list[Row]:
    """Every message to the group, the latest first. Four queries."""
    found = list(
        GroupMessage.objects.filter(cohort=cohort)
        .select_related("cohort", "author")
        .prefetch_related("to__member")
    )
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    mails = mails_of(cohort_id=cohort.pk, messages=found)
    for message_id, state in mails.values_list("occasion_id", "state"):
        counts[message_id][state] += 1
    return [
        Row(one, _names(one.to.all()), _in_words(counts[one.pk]), _obstacle(one)) for one in found
    ]


def _obstacle(message: GroupMessage) -> str:
    if message.obstacle == GroupMessage.Obstacle.AUTHOR:
        return f"Not sent: {leading.names([message.author])} does not lead this group any more."
    if message.obstacle == GroupMessage.Obstacle.NAMES:
        return "Not sent: it names somebody who has joined since."
    return ""


def _names(members: Iterable[Enrollment]) -> list[str]:
    return sorted(name_of(one) for one in members)


def _in_words(states: Counter[str]) -> list[str]:
    numbers = {words: sum(states[state] for state in of) for words, of in COUNTED.items()}
    return [f"{number} {words}" for words, number in numbers.items() if number]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far the mail to one person has come. `at` is given once it was sent."""

    name: str
    state: str
    words: str
    at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """`to` names those whom the message was written to; it is empty for everybody."""

    to: list[str]
    people: list[Delivery]
    can_be_cancelled: bool
    obstacle: str


def deliveries(message: GroupMessage) -> Deliveries:
    """Each person whom the message concerns, by name. Four queries."""
    mails = {
        mail.subject_id: mail for mail in mails_of(cohort_id=message.cohort_id, messages=[message])
    }
    chosen = list(message.to.select_related("member"))
    concerned = chosen
    if message.everyone:
        told = Enrollment.objects.filter(pk__in=mails)
        concerned = list(
            (told if message.promised_at else recipients(message)).select_related("member")
        )
    concerned.sort(key=lambda one: (name_of(one), one.pk))
    return Deliveries(
        to=_names(chosen),
        people=[_delivery(message, one, mails.get(one.pk)) for one in concerned],
        can_be_cancelled=can_be_cancelled(message),
        obstacle=_obstacle(message),
    )


def _delivery(message: GroupMessage, member: Enrollment, mail: Message | None) -> Delivery:
    name = name_of(member)
    if mail is None:
        return Delivery(name, *_without_mail(message, member))
    if mail.state == State.SENT:
        return Delivery(name, "sent", "Sent", mail.sent_at)
    if mail.state == State.NOT_OWED:
        return Delivery(name, "stopped", f"Not sent. {mail.reason}")
    if mail.state == State.FAILED:
        # The server's words stay in the admin: they may quote the address.
        return Delivery(name, "failed", "Could not be delivered. An admin can look why.")
    if message.cancelled_at is not None:
        return Delivery(name, "stopped", "Will not be sent. The message was cancelled.")
    if mail.attempts:
        return Delivery(name, "waiting", "Not taken by their mail server yet. We keep trying.")
    return Delivery(name, "waiting", "Waiting to be sent")


def _without_mail(message: GroupMessage, member: Enrollment) -> tuple[str, str]:
    if message.promised_at is not None:
        return "stopped", "Not sent. They had no confirmed seat when it went out."
    if message.cancelled_at is not None:
        return (
            "stopped",
            "Not sent." if message.obstacle else "Not sent. The message was cancelled.",
        )
    if member.status not in IN_STANDING:
        return "stopped", "Gets no mail while they have no confirmed seat."
    return "waiting", "Waiting for its time"
