"""The story of one enrolment: how it stands, and in order what happened to its seat and money.

No answers, no notes, no marks: of attendance only how many sessions were held and how many were
attended, because a refund may depend on it.
"""

import dataclasses
import datetime as dt

from django.db.models import Sum

from billing.models import LedgerEntry, Refund
from billing.story_decisions import SOURCES as DECISIONS
from billing.story_lines import SOURCES, Line
from billing.story_mails import mail_lines
from enrollment import attendance
from enrollment.models import Attendance, AttendanceNote, Consent, Enrollment
from enrollment.roster import name_of
from sessions.models import GroupSession

Kind = LedgerEntry.Kind
# Of what happens in one moment the earlier source comes first: decided, paid, confirmed, told.
ALL = (*DECISIONS, *SOURCES, mail_lines)
REFUND_POLICY = "refunds"
ON_ITS_WAY = (Refund.Status.REQUESTED, Refund.Status.SUBMITTED, Refund.Status.PENDING)


@dataclasses.dataclass(frozen=True, slots=True)
class Money:
    """How an enrolment stands, in cents: `paid` less `back` less `disputed` and so on is `balance`.

    The processor's fees are ours and no part of it.

    `on_its_way` was decided and has not arrived; Stripe may have taken it from us already.
    """

    paid: int
    back: int
    disputed: int
    other: int
    on_its_way: int
    balance: int


@dataclasses.dataclass(frozen=True, slots=True)
class Sessions:
    """Of the member's own sessions: how many there are, were held, and were attended."""

    all: int
    held: int
    attended: int


@dataclasses.dataclass(frozen=True, slots=True)
class Story:
    enrollment: Enrollment
    name: str
    money: Money
    sessions: Sessions
    policy: Consent | None
    lines: list[Line]


def story(*, enrollment: Enrollment, now: dt.datetime) -> Story:
    """Everything about one enrolment. A constant number of queries."""
    lines = [line for source in ALL for line in source(enrollment)]
    consents = Consent.objects.filter(enrollment=enrollment, kind=REFUND_POLICY)
    return Story(
        enrollment=enrollment,
        name=name_of(enrollment),
        money=money(enrollment),
        sessions=sessions(enrollment, now),
        policy=consents.first(),
        lines=sorted(lines, key=lambda line: line.at),
    )


def money(enrollment: Enrollment) -> Money:
    """Two queries."""
    lines = LedgerEntry.objects.filter(enrollment=enrollment).order_by()
    sums = dict(lines.values_list("kind").annotate(cents=Sum("amount_cents")))
    coming = Refund.objects.filter(enrollment=enrollment, status__in=ON_ITS_WAY)
    paid = sums.get(Kind.CHARGE, 0)
    back = -(sums.get(Kind.REFUND, 0) + sums.get(Kind.REFUND_FAILED, 0))
    disputed = -(sums.get(Kind.DISPUTE, 0) + sums.get(Kind.DISPUTE_WON, 0))
    balance = sum(cents for kind, cents in sums.items() if kind != Kind.FEE)
    return Money(
        paid=paid,
        back=back,
        disputed=disputed,
        other=balance - paid + back + disputed,
        on_its_way=coming.aggregate(cents=Sum("amount_cents"))["cents"] or 0,
        balance=balance,
    )


def sessions(enrollment: Enrollment, now: dt.datetime) -> Sessions:
    """Whoever led counts before the door, as on the roster. Four queries."""
    own = GroupSession.objects.filter(
        cohort=enrollment.cohort_id, number__gte=enrollment.first_week, cancelled_at=None
    )
    held = [one for one in own if one.ends_at <= now]
    marks = dict(
        AttendanceNote.objects.filter(enrollment=enrollment, session__in=held).values_list(
            "session", "mark"
        )
    )
    arrived = dict(
        Attendance.objects.filter(enrollment=enrollment, session__in=held).values_list(
            "session", "arrived_at"
        )
    )
    elsewhere = attendance.made_up(held)

    def came(session: GroupSession) -> bool:
        mark, _ = attendance.suggest(
            arrived_at=arrived.get(session.pk), starts_at=session.starts_at
        )
        made_up = (enrollment.pk, session.pk) in elsewhere
        mark_that_counts = attendance.counted(marks.get(session.pk, mark), made_up=made_up)
        return mark_that_counts in attendance.CAME

    return Sessions(len(own), len(held), sum(map(came, held)))
