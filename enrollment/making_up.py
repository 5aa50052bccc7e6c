"""When somebody cannot come this week: saying so, and a chair in another group's same week.

No reason is asked. A chair is offered where the same week is taught within seven days of one's
own session, in a group that admits the member's state and has a chair empty in that session.

Whoever takes one locks the visited group, then their own enrolment, then the chair: so a group
that is being changed, a member who is leaving and a buyer of the same chair are each waited for
or passed over, and never crossed.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from enrollment import links
from enrollment.changes import Line
from enrollment.intake import Answers
from enrollment.models import Absence, Attendance, Enrollment, Intake, Seat, Visit
from enrollment.seats import empty_chairs
from enrollment.states import IN_STANDING, LIVE
from outbox import services as outbox
from outbox.delivery import FRESH
from sessions.models import Cohort, CohortChange, GroupSession

# How far from one's own session the same week in another group may be.
NEAR = dt.timedelta(days=7)
OPEN = (Cohort.Status.PUBLISHED, Cohort.Status.CLOSED)


class NotPossible(Exception):
    """Nothing was changed; the message says why and what to do."""


class ChairGone(NotPossible):
    """Somebody else has the last chair of that session, or it is not offered any more."""

    def __init__(self) -> None:
        super().__init__(
            "That chair was taken a moment ago. Here is what is free now; your own session "
            "stays yours."
        )


@dataclass(frozen=True, slots=True)
class Week:
    """One of a member's own sessions, and what became of it on their side so far."""

    enrollment: Enrollment
    session: GroupSession
    absence: Absence | None
    visit: Visit | None
    came: bool

    def is_ahead(self, now: dt.datetime) -> bool:
        return self.session.starts_at > now


def own_week(*, enrollment: Enrollment, number: int, now: dt.datetime) -> Week:
    """The member's week. Four queries. Raises GroupSession.DoesNotExist for one that they have
    not, that is cancelled, or that is past being made up."""
    session = GroupSession.objects.get(
        Q(starts_at__gt=now - NEAR),
        cohort=enrollment.cohort_id,
        number=number,
        number__gte=enrollment.first_week,
        cancelled_at=None,
    )
    session.cohort = enrollment.cohort
    mine = {"enrollment": enrollment, "session": session}
    return Week(
        enrollment=enrollment,
        session=session,
        absence=Absence.objects.filter(**mine).first(),
        visit=visit_instead_of(enrollment=enrollment, session=session),
        came=Attendance.objects.filter(**mine).exists(),
    )


def visit_instead_of(*, enrollment: Enrollment, session: GroupSession) -> Visit | None:
    visits = Visit.objects.filter(
        enrollment=enrollment, instead_of=session, given_back_at=None
    ).select_related("session__cohort__programme")
    return visits.first()


@dataclass(frozen=True, slots=True)
class ThisWeek:
    """What a member's own page says about coming: not to `coming`, to `visit`, missed `missed`."""

    coming: GroupSession | None
    absent: bool
    visit: Visit | None
    missed: GroupSession | None


def this_week(
    *, enrollment: Enrollment, sessions: Iterable[GroupSession], now: dt.datetime
) -> ThisWeek:
    """About the next of the member's own `sessions` to begin, and the one just past.

    Three queries.
    """
    held = [s for s in sessions if s.cancelled_at is None and s.number >= enrollment.first_week]
    coming = next((s for s in held if s.starts_at > now), None)
    just_past = [s.pk for s in held if s.ends_at <= now and s.starts_at > now - NEAR][-1:]
    came = Attendance.objects.filter(enrollment=enrollment, session=OuterRef("pk"))
    elsewhere = Visit.objects.filter(
        enrollment=enrollment, instead_of=OuterRef("pk"), given_back_at=None
    )
    visits = Visit.objects.filter(
        enrollment=enrollment, given_back_at=None, session__ends_at__gt=now
    ).select_related("session__cohort__programme", "instead_of")
    return ThisWeek(
        coming=coming,
        absent=Absence.objects.filter(enrollment=enrollment, session=coming).exists(),
        visit=visits.order_by("session__starts_at").first(),
        missed=GroupSession.objects.filter(
            ~Exists(came), ~Exists(elsewhere), pk__in=just_past
        ).first(),
    )


# --- Saying so ----------------------------------------------------------------------------


@transaction.atomic
def say_absent(*, week: Week, now: dt.datetime) -> None:
    """Note that the member cannot come. Saying it twice is saying it once."""
    if not week.is_ahead(now):
        raise NotPossible("This session has begun already, so you are still welcome to join it.")
    Absence.objects.get_or_create(
        enrollment=week.enrollment, session=week.session, defaults={"said_at": now}
    )


@transaction.atomic
def come_after_all(*, week: Week, now: dt.datetime) -> None:
    """Forget it, and give back the chair elsewhere. The link of the session is owed again."""
    give_back(week=week, now=now)
    Absence.objects.filter(enrollment=week.enrollment, session=week.session).delete()
    outbox.owe_again(
        kinds=(links.SESSION_LINK, links.SESSION_REMINDER),
        subject_ids=[week.enrollment.pk],
        occasion_ids=[links.occasion(week.session.starts_at)],
    )


# --- A chair elsewhere --------------------------------------------------------------------


def offers(*, week: Week, now: dt.datetime) -> list[GroupSession]:
    """The sessions in which the member may take a chair, soonest first. At most four queries."""
    state = _state_of(week.enrollment)
    near = [session for session in _parallel(week, now) if state in session.cohort.admitted_states]
    seats = Seat.objects.filter(
        Q(enrollment=None) | Q(enrollment__first_week__gt=week.session.number),
        cohort__in={session.cohort_id for session in near},
    ).values_list("cohort_id", "pk")
    free: dict[int, set[int]] = {}
    for cohort, seat in seats:
        free.setdefault(cohort, set()).add(seat)
    taken: dict[int, set[int | None]] = {}
    visits = Visit.objects.filter(session__in=near, given_back_at=None)
    for session, chair in visits.values_list("session_id", "seat_id"):
        taken.setdefault(session, set()).add(chair)
    return [one for one in near if free.get(one.cohort_id, set()) - taken.get(one.pk, set())]


def _state_of(enrollment: Enrollment) -> str:
    intake = Intake.objects.filter(member=enrollment.member_id).first()
    return Answers.load(intake.answers).state if intake else ""


def _parallel(week: Week, now: dt.datetime) -> "QuerySet[GroupSession]":
    """The same week of the programme in other people's groups, still to begin."""
    own = week.session
    mine = Enrollment.objects.filter(member=week.enrollment.member_id, status__in=LIVE)
    return (
        GroupSession.objects.filter(
            number=own.number,
            cancelled_at=None,
            cohort__programme=own.cohort.programme_id,
            cohort__status__in=OPEN,
            starts_at__gt=now,
            starts_at__range=(own.starts_at - NEAR, own.starts_at + NEAR),
        )
        .exclude(cohort__in=mine.values("cohort"))
        .exclude(cohort=own.cohort_id)
        .select_related("cohort__programme")
        .order_by("starts_at", "pk")
    )


@transaction.atomic
def take_chair(*, week: Week, session_id: int, now: dt.datetime) -> Visit:
    """Give the member a chair in that session, and their word that they miss their own.

    Promises the mail with the door. Raises ChairGone when no chair is left there or it is not
    offered to them, and NotPossible when they have one for this week already, or may not.
    """
    host = next((one for one in offers(week=week, now=now) if one.pk == session_id), None)
    if host is None:
        raise ChairGone
    # Waits for whoever changes that group, and reads the session again behind them.
    Cohort.objects.select_for_update(no_key=True).get(pk=host.cohort_id)
    _hold_standing(week.enrollment)
    if visit_instead_of(enrollment=week.enrollment, session=week.session):
        raise NotPossible("You have a chair for this week already. Give it back first.")
    fresh = _parallel(week, now).filter(pk=session_id).first()
    seat = _find_chair(fresh) if fresh else None
    if fresh is None or seat is None:
        raise ChairGone
    visit = Visit.objects.create(
        enrollment=week.enrollment,
        instead_of=week.session,
        session=fresh,
        seat=seat,
        taken_at=now,
    )
    if week.is_ahead(now):
        say_absent(week=week, now=now)
    outbox.promise(
        kind=links.VISIT_CONFIRMED,
        recipient_id=week.enrollment.member_id,
        subject_id=visit.pk,
        now=now,
    )
    return visit


def _hold_standing(enrollment: Enrollment) -> None:
    standing = Enrollment.objects.select_for_update().filter(
        pk=enrollment.pk, status__in=IN_STANDING
    )
    if not standing.exists():
        raise NotPossible("Your seat is not active right now, so no chair can be kept for you.")


def _find_chair(session: GroupSession) -> Seat | None:
    """A chair that is empty in this session and that nobody is buying at this moment."""
    chairs = empty_chairs(session=session)
    if connection.features.has_select_for_update_skip_locked:
        chairs = chairs.select_for_update(skip_locked=True, of=("self",))
    return chairs.first()


@transaction.atomic
def give_back(*, week: Week, now: dt.datetime) -> bool:
    """Free the chair elsewhere; False when there was none, or that session has begun."""
    return bool(
        Visit.objects.filter(
            enrollment=week.enrollment,
            instead_of=week.session,
            given_back_at=None,
            session__starts_at__gt=now,
        ).update(given_back_at=now)
    )


# --- When a session that is visited, or missed, moves --------------------------------------


def visitors_of(lines: Iterable[Line]) -> "QuerySet[Visit]":
    """Chairs that people from other groups have in these sessions."""
    return Visit.objects.filter(
        session__in=[line.session.pk for line in lines],
        given_back_at=None,
        enrollment__status__in=IN_STANDING,
    )


def follow_change(*, change: CohortChange, lines: Iterable[Line], now: dt.datetime) -> int:
    """Bring visits and absences up to date; returns how many visitors are told. Runs in the
    transaction of the change.

    A chair in a cancelled session is given back. Who said that they cannot come at the old time
    may be able to at the new one: without a chair elsewhere they are expected again.
    """
    lines = list(lines)
    visits = visitors_of(lines)
    moved = [line for line in lines if line.after is not None]
    outbox.owe_again(
        kinds=(links.VISIT_LINK, links.VISIT_REMINDER),
        subject_ids=list(visits.values_list("pk", flat=True)),
        occasion_ids=[links.occasion(line.after) for line in moved if line.after],
    )
    rows = visits.annotate(change=F("pk") * 0 + change.pk).order_by()
    told = outbox.promise_each(
        kind=links.VISIT_CHANGED,
        rows=rows.values_list("enrollment__member_id", "pk", "change"),
        now=now + FRESH,
    )
    cancelled = [line.session.pk for line in lines if line.after is None]
    Visit.objects.filter(session__in=cancelled, given_back_at=None).update(given_back_at=now)
    chair_elsewhere = Visit.objects.filter(
        enrollment=OuterRef("enrollment"), instead_of=OuterRef("session"), given_back_at=None
    )
    Absence.objects.filter(
        ~Exists(chair_elsewhere), session__in=[line.session.pk for line in moved]
    ).delete()
    return told
