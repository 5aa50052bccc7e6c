"""Reading what is mine: my groups, and one group from its next session to its money."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping

from django.db.models import Exists, F, Min, OuterRef, Prefetch, Q, Subquery

from accounts.models import User
from enrollment import waitlist
from enrollment.attendance import ON_THE_ROSTER
from enrollment.catalogue import SessionRow, session_rows
from enrollment.door import opening_time
from enrollment.models import Enrollment, EnrollmentMove
from enrollment.progress import Progress, progress
from enrollment.states import ENTERED, IN_STANDING, LIVE, Status
from sessions.models import Cohort, CohortChange, GroupSession
from sessions.teaching import weeks_of

# So long before a session its part of the page brings itself up to date.
NEAR = dt.timedelta(days=1)
STATUS_WORDS: dict[str, str] = {
    Status.WAITLISTED: "On the waitlist",
    Status.OFFERED: "A seat is free for you",
    Status.HELD: "Seat kept for you, not paid yet",
    Status.AWAITING_FUNDS: "Seat kept, your payment is on its way",
    Status.ACTIVE: "Confirmed",
    Status.GRACE: "Confirmed, a payment is due",
    Status.SUSPENDED: "Paused, your seat is kept",
    Status.COMPLETED: "Completed",
    Status.WITHDRAWN: "Your seat here has ended",
    Status.CANCELLED: "Cancelled",
    Status.EXPIRED: "Released, it was not paid in time",
    Status.LATE_PAID: "Paid after the seat was gone, money returned",
}


LEFT = "You left this group"
MOVED = "You moved to another group"
NOT_HELD = "This group is not held any more"


def how_it_ended(enrollments: Iterable[Enrollment]) -> dict[int, str]:
    """Of those whose seat has ended: by whom or by what. One query, or none when there are none.

    Seats of a group that is not held any more are ended after it; who left before, left.
    """
    ended = [one.pk for one in enrollments if one.status == Status.WITHDRAWN]
    if not ended:
        return {}
    ends = CohortChange.objects.filter(
        cohort=OuterRef("enrollment__cohort"), kind=CohortChange.Kind.END, at__lte=OuterRef("at")
    )
    moves = EnrollmentMove.objects.filter(enrollment__in=ended, target=Status.WITHDRAWN)
    rows = moves.annotate(not_held=Exists(ends)).values_list(
        "enrollment", "actor", "enrollment__member", "not_held", "reason"
    )
    words = {}
    for enrollment_id, actor, member, not_held, reason in rows:
        ours = NOT_HELD if not_held else STATUS_WORDS[Status.WITHDRAWN]
        theirs = MOVED if reason.startswith(EnrollmentMove.MOVED_TO) else LEFT
        words[enrollment_id] = theirs if actor == member else ours
    return words


def status_words(
    enrollment: Enrollment, next_session: GroupSession | None, ended: Mapping[int, str]
) -> str:
    """How a member stands, in words; after the last session nothing is there to be confirmed.

    `ended` is what `how_it_ended` says.
    """
    if enrollment.pk in ended:
        return ended[enrollment.pk]
    over = next_session is None and enrollment.status in IN_STANDING
    if enrollment.waiting_since is not None and enrollment.confirmed_at is None:
        if enrollment.status == Status.CANCELLED:
            return "Not on the waitlist any more"
        if enrollment.status == Status.EXPIRED:
            in_vain = enrollment.held_until is None
            return "No seat came free in time" if in_vain else "Released, it was not taken in time"
    return STATUS_WORDS[Status.COMPLETED if over else enrollment.status]


@dataclasses.dataclass(frozen=True, slots=True)
class MyGroupRow:
    enrollment: Enrollment
    status_label: str
    next_session: GroupSession | None
    # On the waitlist: 1 is the next in line.
    place: int | None = None


def my_groups(*, member: User, now: dt.datetime) -> list[MyGroupRow]:
    """All of a member's enrolments, those that matter now first. Three queries at most."""
    coming = GroupSession.objects.filter(
        cohort=OuterRef("cohort"),
        number__gte=OuterRef("first_week"),
        ends_at__gt=now,
        cancelled_at=None,
    ).order_by("starts_at")
    enrollments = (
        Enrollment.objects.filter(member=member)
        .select_related("cohort__programme")
        .annotate(next_session_id=Subquery(coming.values("pk")[:1]), place=waitlist.place_of())
        .order_by("-reserved_at")
    )
    rows = list(enrollments)
    ended = how_it_ended(rows)
    sessions = GroupSession.objects.in_bulk([row.next_session_id for row in rows])
    return sorted(
        (
            MyGroupRow(
                row,
                status_words(row, sessions.get(row.next_session_id), ended),
                sessions.get(row.next_session_id) if row.status in LIVE else None,
                row.place if row.status == Status.WAITLISTED else None,
            )
            for row in rows
        ),
        key=lambda row: row.enrollment.status not in ENTERED,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class LedGroup:
    """A group as the person who leads it meets it."""

    cohort: Cohort
    next_at: dt.datetime | None


def led_groups(*, leader: User, now: dt.datetime) -> list[LedGroup]:
    """The groups that somebody leads and that have a page, soonest first. One query."""
    if not leader.leads:
        return []
    coming = Q(group_sessions__ends_at__gt=now, group_sessions__cancelled_at=None)
    cohorts = (
        Cohort.objects.filter(
            facilitators=leader, status__in=(Cohort.Status.PUBLISHED, Cohort.Status.CLOSED)
        )
        .annotate(next_at=Min("group_sessions__starts_at", filter=coming))
        .order_by(F("next_at").asc(nulls_last=True), "pk")
    )
    return [LedGroup(cohort, cohort.next_at) for cohort in cohorts]


def own_enrollment(*, member: User, public_id: uuid.UUID) -> Enrollment:
    """Raises Enrollment.DoesNotExist for somebody else's, as for one that never was."""
    enrollment = (
        Enrollment.objects.select_related("cohort__programme")
        .prefetch_related(
            Prefetch("cohort__group_sessions", GroupSession.objects.order_by("number")),
        )
        .get(member=member, public_id=public_id)
    )
    enrollment.member = member  # is known already
    return enrollment


@dataclasses.dataclass(frozen=True, slots=True)
class MyGroup:
    """One group as its member sees it."""

    enrollment: Enrollment
    status_label: str
    next_session: GroupSession | None
    door_opens_at: dt.datetime | None
    door_open: bool
    in_standing: bool
    refreshes: bool
    sessions: list[SessionRow]
    progress: Progress | None


def my_group(*, enrollment: Enrollment, now: dt.datetime) -> MyGroup:
    cohort = enrollment.cohort
    sessions = list(cohort.group_sessions.all())
    ahead = [s for s in sessions if s.ends_at > now and s.number >= enrollment.first_week]
    coming = next((session for session in ahead if session.cancelled_at is None), None)
    opens_at = None
    if coming is not None:
        coming.cohort = cohort
        opens_at = opening_time(coming)
    in_standing = enrollment.status in IN_STANDING
    rows = session_rows(
        sessions=sessions,
        weeks=weeks_of(cohorts=[cohort.pk], now=now)[cohort.pk],
        first_week=enrollment.first_week,
        zone=cohort.zone,
        now=now,
    )
    shown = coming if enrollment.status in LIVE else None
    return MyGroup(
        enrollment=enrollment,
        status_label=status_words(enrollment, coming, how_it_ended([enrollment])),
        next_session=shown,
        door_opens_at=opens_at,
        door_open=in_standing and opens_at is not None and now >= opens_at,
        in_standing=in_standing,
        refreshes=in_standing and shown is not None and shown.starts_at - now <= NEAR,
        sessions=rows,
        progress=progress(rows=rows, next_number=shown.number if shown else None)
        if enrollment.status in ON_THE_ROSTER
        else None,
    )
