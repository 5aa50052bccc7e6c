"""One group through its twelve weeks, with changes on the way: every mail that each member gets."""

import datetime as dt
import zoneinfo
from collections.abc import Callable
from functools import partial

import pytest

from accounts.models import Role, User
from enrollment import links, rescheduling, services
from enrollment.changes import Kind, Wish
from enrollment.models import Enrollment
from outbox.models import Message, State
from outbox.services import deliver_due
from sessions.models import Cohort
from tests.enrollment.builders import a_cohort, a_confirmed_seat, a_member
from tests.smtp_sink import SmtpSink

pytestmark = pytest.mark.django_db

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
HOUR = dt.timedelta(hours=1)
DAYTIME = range(8, 21)


def at(month: int, day: int, hour: int, minute: int = 0) -> dt.datetime:
    """An instant of 2026 on the group's clock."""
    return dt.datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(dt.UTC)


def run(events: dict[dt.datetime, Callable[[dt.datetime], object]]) -> None:
    """Look at the clock every hour of the day, as the application does every minute."""
    now, end = at(9, 28, 12), at(12, 31, 0)
    while now < end:
        if now.astimezone(NEW_YORK).hour in DAYTIME:
            events.pop(now, nothing)(now)
            links.promise_links(now=now)
            if Message.objects.filter(state=State.QUEUED).exists():
                moment = now + dt.timedelta(seconds=10)
                deliver_due(clock=partial(lambda instant: instant, moment))
        now += HOUR
    assert not events


def nothing(now: dt.datetime) -> None:
    """What happens in most hours."""


def got(member: User) -> list[str]:
    """Kind and occasion of each mail that the member was sent, as "link 10-06 18:00"."""
    names = {links.SESSION_LINK: "link", links.SESSION_REMINDER: "reminder"}
    mails = []
    for message in Message.objects.filter(recipient=member, state=State.SENT).order_by("sent_at"):
        if message.kind in names:
            when = links.minute(message.occasion_id).astimezone(NEW_YORK)
            mails.append(f"{names[message.kind]} {when:%m-%d %H:%M}")
        else:
            mails.append(message.kind)
    return mails


def both(*sessions: str) -> list[str]:
    return [f"{kind} {when}" for when in sessions for kind in ("link", "reminder")]


def test_a_move_in_week_3_and_a_replaced_week_5(smtp_sink: SmtpSink) -> None:
    cohort = a_cohort(admission=Cohort.Admission.MODULE_STARTS)
    leader = a_member(role=Role.FACILITATOR)
    ada, bea, cleo = (a_member(display_name=name) for name in ("Ada", "Bea", "Cleo"))

    def joins(member: User) -> Callable[[dt.datetime], object]:
        return lambda now: a_confirmed_seat(cohort=cohort, member=member, now=now)

    def leaves(now: dt.datetime) -> None:
        seat = Enrollment.objects.get(member=bea)
        services.withdraw(enrollment_id=seat.pk, actor=bea, reason="Left", now=now)

    def changes(version: int, wish: Wish) -> Callable[[dt.datetime], object]:
        return lambda now: rescheduling.apply(
            cohort_id=cohort.pk, wish=wish, version=version, actor=leader, reason="", now=now
        )

    run(
        {
            at(9, 28, 12): joins(ada),
            at(9, 28, 13): joins(bea),
            # On the day itself: the link of the old time has gone out.
            at(10, 20, 10): changes(0, Wish(Kind.MOVE, 3, dt.date(2026, 10, 22), dt.time(19))),
            # Before the week's link: that one is never sent.
            at(11, 2, 9): changes(1, Wish(Kind.REPLACE, 5)),
            at(11, 3, 9): leaves,
            at(11, 5, 9): joins(cleo),  # week 5 is still to come
        }
    )

    until_the_change = [
        "seat-confirmed",
        *both("10-06 18:00", "10-13 18:00"),
        "link 10-20 18:00",
        "schedule-changed",
        *both("10-22 19:00", "10-27 18:00"),
        "schedule-changed",
    ]
    after = both(
        "11-10 18:00", "11-17 18:00", "11-24 18:00", "12-01 18:00",
        "12-08 18:00", "12-15 18:00", "12-22 18:00", "12-29 18:00",
    )  # fmt: skip
    assert got(ada) == [*until_the_change, *after]
    assert got(bea) == until_the_change
    assert got(cleo) == ["seat-confirmed", *after]
    assert len(smtp_sink.messages) == len(got(ada)) + len(got(bea)) + len(got(cleo))
