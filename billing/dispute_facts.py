"""What may be shown to a bank about a disputed payment, and what may not without thought.

Neutral facts only: what was bought under its neutral name, when, under which words, which mails
went out, and when sessions were offered. Who came to them is health information. It is shown
only to somebody for whom the audit log holds an entry of the last minutes.
"""

import dataclasses
import datetime as dt
from itertools import pairwise

from django.db.models import Q, QuerySet

from accounts import audit, clock
from accounts.models import Action, AuditEntry, Subject, User
from billing.models import Dispute, Transfer
from billing.transfers import MOVED
from enrollment import agreements, links
from enrollment.models import Attendance, Consent, Enrollment
from outbox.models import Message, State
from sessions.models import Cohort, GroupSession
from sessions.pricing import format_money

# How long one look at the attendance lasts: a reload, or "Back", is not another one.
LOOK = dt.timedelta(minutes=10)
# The kinds of mail that show that somebody got what they paid for, in neutral words.
MAILS = {
    links.SEAT_CONFIRMED: "Confirmation of the purchase",
    MOVED: "Confirmation of the move",
    links.SESSION_LINK: "Access to a session",
    links.SESSION_REMINDER: "Reminder of a session",
}
REASONS = {
    "bank_cannot_process": "The bank could not process the payment.",
    "check_returned": "A check came back.",
    "credit_not_processed": "They say that they were promised a refund and did not get it.",
    "customer_initiated": "They asked their bank for the money back, without a reason.",
    "debit_not_authorized": "They say that they did not allow the debit.",
    "duplicate": "They say that they were charged twice.",
    "fraudulent": "They say that it was not they who paid.",
    "general": "The bank gives no particular reason.",
    "incorrect_account_details": "The account\u2019s details were wrong.",
    "insufficient_funds": "There was not enough money in the account.",
    "noncompliant": "The bank says that a rule of the card network was broken.",
    "product_not_received": "They say that they did not get what they paid for.",
    "product_unacceptable": "They say that it was not as described.",
    "subscription_canceled": "They say that they had cancelled.",
    "unrecognized": "They do not know the name on their card statement.",
}


def reason_words(dispute: Dispute) -> str:
    """Why the bank disputes, in plain words."""
    return REASONS.get(dispute.reason, "The bank gives no reason that we know.")


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    """`lines`: as many as there are, for a page; `words`: all of them in one line."""

    label: str
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        return "; ".join(self.lines)

    @property
    def several(self) -> bool:
        return len(self.lines) > 1


def facts(*, dispute: Dispute, now: dt.datetime) -> list[Fact]:
    """What may be shared, in the group's own zone, which is named. A constant number of queries."""
    payment = dispute.payment
    seats = bought(dispute)
    first = seats[0]
    zone = first.cohort.time_zone
    found = [
        Fact("Product", (first.cohort.programme.public_name,)),
        Fact("Paid", (format_money(payment.amount_cents, payment.currency),)),
        Fact("Paid on", (_moment(payment.paid_at, zone),)),
        Fact("Payment at Stripe", (payment.stripe_payment_intent_id or "none",)),
        Fact("Given back before", (_returned(dispute),)),
        *_agreed(dispute, zone),
        *_moves(seats, zone),
        *_mailed(seats, zone),
    ]
    held = GroupSession.objects.filter(_offered(seats), ends_at__lte=now, cancelled_at=None)
    starts = held.order_by("starts_at").values_list("starts_at", flat=True)
    days = tuple(_moment(at, zone) for at in starts)
    found.append(Fact("Sessions held so far", days or ("none yet",)))
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Bought:
    """A seat that the money was for, and until when: None for the one that it is for now."""

    enrollment: Enrollment
    until: dt.datetime | None

    @property
    def cohort(self) -> Cohort:
        return self.enrollment.cohort


def bought(dispute: Dispute) -> list[Bought]:
    """The seat that was paid for, and those that its money went along to. Two queries."""
    payment = dispute.payment
    moves = {
        one.source_id: one
        for one in Transfer.objects.filter(
            source__member=payment.enrollment.member_id, state=Transfer.State.DONE
        ).select_related("target__cohort__programme")
    }
    here, found = payment.enrollment, []
    while (move := moves.get(here.pk)) and move.done_at and move.done_at >= payment.paid_at:
        found.append(Bought(here, move.done_at))
        here = move.target
    return [*found, Bought(here, None)]


def _offered(seats: list[Bought]) -> Q:
    """The sessions that were theirs to come to: of an earlier group, those before the move."""
    theirs = Q(pk=None)
    for seat in seats:
        own = Q(cohort=seat.cohort, number__gte=seat.enrollment.first_week)
        theirs |= own & Q(starts_at__lt=seat.until) if seat.until else own
    return theirs


def _moves(seats: list[Bought], zone: str) -> list[Fact]:
    """Said in the words of what was bought: other dates of the same, or of another program."""
    return [
        Fact(
            "Moved at their own wish",
            (f"to other dates, {new.cohort.programme.public_name}, on {_moment(old.until, zone)}",),
        )
        for old, new in pairwise(seats)
        if old.until is not None
    ]


def _moment(at: dt.datetime, zone: str) -> str:
    """With the year, which a bank asks for, and the zone."""
    local = clock.local(at, zone)
    return f"{local:%B} {local.day}, {local.year}, {clock.time_of_day(at, zone)}"


def _returned(dispute: Dispute) -> str:
    refunds = dispute.payment.refunds.filter(status="succeeded")
    cents = sum(refunds.values_list("amount_cents", flat=True))
    return format_money(cents, dispute.currency) if cents else "nothing"


def _agreed(dispute: Dispute, zone: str) -> list[Fact]:
    consent = Consent.objects.filter(
        enrollment=dispute.payment.enrollment_id, kind="refunds"
    ).first()
    if consent is None:
        return [Fact("Refund policy", ("no agreement is stored",))]
    at = _moment(consent.accepted_at, zone)
    found = [Fact("Refund policy accepted", (f"version {consent.version}, on {at}",))]
    for one in agreements.CURRENT:
        if (one.kind, one.version) == (consent.kind, consent.version):
            found.append(Fact("Its words", (" ".join(one.text),)))
    return found


def _mailed(seats: list[Bought], zone: str) -> list[Fact]:
    rows = Message.objects.filter(
        kind__in=MAILS, subject_id__in=[seat.enrollment.pk for seat in seats], state=State.SENT
    ).order_by("sent_at")
    sent: dict[str, list[str]] = {}
    for kind, at in rows.values_list("kind", "sent_at"):
        assert at is not None
        sent.setdefault(kind, []).append(_moment(at, zone))
    return [
        Fact(f"Mailed: {words}", tuple(sent[kind])) for kind, words in MAILS.items() if kind in sent
    ]


def text_block(*, dispute: Dispute, found: list[Fact]) -> str:
    """The facts as a text to copy into Stripe's form."""
    head = f"Dispute {dispute.stripe_dispute_id}"
    lines = [
        "\n".join([f"{fact.label}:", *(f"- {one}" for one in fact.lines)])
        if fact.several
        else f"{fact.label}: {fact.words}"
        for fact in found
    ]
    return "\n".join([head, "", *lines])


# --- Attendance: only behind a press that is written down ---------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """Arrivals, if the reader has just pressed for them; `until` says how long they show."""

    shown: bool
    arrivals: list[dt.datetime] = dataclasses.field(default_factory=list)
    until: dt.datetime | None = None
    last_look: dt.datetime | None = None


def look(*, dispute: Dispute, reader: User, now: dt.datetime, ip: str | None = None) -> AuditEntry:
    """Write down that somebody reads who came from now on; pass its key to `attendance`."""
    return audit.record(
        actor=reader,
        action=Action.ATTENDANCE_READ,
        subject_kind=Subject.DISPUTE,
        subject_id=dispute.stripe_dispute_id,
        now=now,
        ip=ip,
    )


def attendance(*, dispute: Dispute, reader: User, entry: int | None, now: dt.datetime) -> Look:
    """The arrivals for the reader of the log's `entry`, if it is theirs, of this and new."""
    mine = _looks(dispute).filter(actor=reader)
    last = mine.order_by("-pk").values_list("at", flat=True).first()
    looking = mine.filter(pk=entry, at__gt=now - LOOK).first() if entry else None
    if looking is None:
        return Look(False, last_look=last)
    came = Attendance.objects.filter(enrollment__in=[one.enrollment for one in bought(dispute)])
    arrivals = list(came.order_by("arrived_at").values_list("arrived_at", flat=True))
    return Look(True, arrivals, looking.at + LOOK, last)


def _looks(dispute: Dispute) -> "QuerySet[AuditEntry]":
    return AuditEntry.objects.filter(
        subject_kind=Subject.DISPUTE,
        subject_id=dispute.stripe_dispute_id,
        action=Action.ATTENDANCE_READ,
    )
