"""Reading what planning needs: the season at a glance, and one group's dates with what is odd.

The number of queries does not depend on how many groups there are.
"""

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts import clock
from accounts.models import LEADING, Role, User
from enrollment import opening
from enrollment.models import Seat
from enrollment.season import groups_of
from sessions import bookings, public_holidays, schedule
from sessions.models import Cohort, GroupSession

PER_PAGE = 25
OPEN = (Cohort.Status.PUBLISHED, Cohort.Status.CLOSED)


class State(StrEnum):
    """What a group is for whoever plans: its row's status, and what the clock made of it."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"
    RUNNING = "running"
    COMPLETED = "completed"
    ARCHIVED = "archived"


# Which of the site's four colours a state has.
TONES = {State.DRAFT: "soon", State.PUBLISHED: "kept", State.RUNNING: "kept", State.CLOSED: "lost"}
LABELS = {
    State.DRAFT: "Draft",
    State.PUBLISHED: "Published",
    State.CLOSED: "Closed to new members",
    State.RUNNING: "Running",
    State.COMPLETED: "Completed",
    State.ARCHIVED: "Archived",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One group on the season's page."""

    cohort: Cohort
    state: State
    first: dt.date
    last: dt.date
    meets: str
    leaders: list[str]
    taken: int

    @property
    def label(self) -> str:
        return LABELS[self.state]

    @property
    def first_day(self) -> str:
        return _short(self.first)

    @property
    def last_day(self) -> str:
        return _short(self.last)

    @property
    def hint(self) -> str:
        """Which group a link that only says "Copy" is about."""
        return f"{self.cohort.name}, {self.first:%B} {self.first.day}"

    @property
    def tone(self) -> str:
        return TONES.get(self.state, "calm")


def _short(day: dt.date) -> str:
    """As in "Oct 6, 2026": what a filter of the template would say, for a third of the time."""
    return f"{day:%b} {day.day}, {day.year}"


# --- The season at a glance -------------------------------------------------------------


def season(
    *,
    planner: User,
    state: State | None,
    leader: int | None,
    page: str | None,
    now: dt.datetime,
) -> "tuple[Page[Cohort], list[Row]]":
    """One page of the planner's groups, newest season first; `leader` is the key of one who leads
    them."""
    cohorts = with_ends(groups_of(planner))
    if state is not None:
        cohorts = cohorts.filter(in_state(state, now))
    if leader is not None:
        cohorts = cohorts.filter(facilitators=leader)
    taken = (
        Seat.objects.filter(cohort=OuterRef("pk"), enrollment__isnull=False)
        .order_by()
        .values("cohort")
        .annotate(number=Count("pk"))
        .values("number")
    )
    counted: QuerySet[Cohort] = cohorts.annotate(taken=Coalesce(Subquery(taken), 0))
    cohorts = counted.prefetch_related("facilitators").order_by("-first_date", "-wall_time", "-pk")
    shown = Paginator(cohorts, PER_PAGE).get_page(page)
    return shown, [row(cohort, now) for cohort in shown]


def with_ends(cohorts: "QuerySet[Cohort]") -> "QuerySet[Cohort]":
    """Each group with the start of its first session and the end of its last; None for drafts."""
    sessions = GroupSession.objects.filter(cohort=OuterRef("pk")).order_by().values("cohort")
    return cohorts.annotate(
        begins=Subquery(sessions.annotate(at=Min("starts_at")).values("at")),
        ends=Subquery(sessions.annotate(at=Max("ends_at")).values("at")),
    )


def in_state(state: State, now: dt.datetime) -> Q:
    """The same rule as `state_of`, for the database, without a look at every session."""
    sessions = GroupSession.objects.filter(cohort=OuterRef("pk"))
    begun = Q(Exists(sessions.filter(starts_at__lte=now)))
    ahead = Q(Exists(sessions.filter(ends_at__gt=now)))
    rules = {
        State.DRAFT: Q(status=Cohort.Status.DRAFT),
        State.ARCHIVED: Q(status=Cohort.Status.ARCHIVED),
        State.PUBLISHED: Q(status=Cohort.Status.PUBLISHED) & ~begun,
        State.CLOSED: Q(status=Cohort.Status.CLOSED) & ~begun,
        State.RUNNING: Q(status__in=OPEN) & begun & ahead,
        State.COMPLETED: Q(status__in=OPEN) & begun & ~ahead,
    }
    return rules[state]


def state_of(cohort: Cohort, now: dt.datetime) -> State:
    """From a row of `with_ends`."""
    begins: dt.datetime | None = cohort.begins  # type: ignore[attr-defined]
    ends: dt.datetime | None = cohort.ends  # type: ignore[attr-defined]
    if cohort.status not in OPEN or begins is None or ends is None or begins > now:
        return State(cohort.status)
    return State.COMPLETED if ends <= now else State.RUNNING


def row(cohort: Cohort, now: dt.datetime) -> Row:
    begins: dt.datetime | None = cohort.begins  # type: ignore[attr-defined]
    ends: dt.datetime | None = cohort.ends  # type: ignore[attr-defined]
    if begins is None or ends is None:
        days = planned_dates(cohort)
        first, last = days[0], days[-1]
    else:
        first, last = (at.astimezone(cohort.zone).date() for at in (begins, ends))
    start = schedule.instant(first, cohort.wall_time, cohort.zone)
    return Row(
        cohort=cohort,
        state=state_of(cohort, now),
        first=first,
        last=last,
        meets=f"{clock.weekday(start, cohort.zone)}s, {clock.time_of_day(start, cohort.zone)}",
        leaders=[str(leader) for leader in cohort.facilitators.all()],
        taken=cohort.taken,  # type: ignore[attr-defined]
    )


def planned_dates(cohort: Cohort) -> list[dt.date]:
    """The twelve of a draft; of one that cannot be kept, only the first."""
    try:
        return schedule.meeting_dates(cohort.first_date, cohort.skipped())
    except schedule.ImpossibleSchedule:
        return [cohort.first_date]


def leaders(planner: User) -> list[tuple[str, str]]:
    """Key and name of everybody whose groups the planner may see."""
    staff = User.objects.filter(role__in=LEADING).order_by("display_name", "pk")
    if planner.role != Role.ADMIN:
        led = Cohort.facilitators.through.objects.filter(cohort__in=groups_of(planner))
        staff = staff.filter(pk__in=led.values("user"))
    rows = staff.values_list("pk", "display_name", "email")
    return [(str(key), name or email) for key, name, email in rows]


# --- One group --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """A meeting day: with a session's number, or skipped."""

    day: dt.date
    number: int | None
    holiday: str = ""
    clock_time: str = ""
    clock_changes: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    row: Row
    days: list[Day]
    # Whose public holidays are named; empty when those of the group's zone are not known.
    country: str
    obstacles: list[str] = field(default_factory=list)

    @property
    def draft(self) -> bool:
        return self.row.state == State.DRAFT

    @property
    def put_away(self) -> bool:
        """A draft that was archived: members never saw it, and it can be brought back."""
        began: dt.datetime | None = self.row.cohort.begins  # type: ignore[attr-defined]
        return self.row.state == State.ARCHIVED and began is None

    @property
    def holidays(self) -> list[Day]:
        """Sessions that fall on one."""
        return [day for day in self.days if day.number and day.holiday]


def plan(*, cohort: Cohort, now: dt.datetime) -> Plan:
    """`cohort` comes from `one`. A draft also says what stands between it and its members."""
    reasons = []
    if cohort.status == Cohort.Status.DRAFT:
        reasons = opening.reasons_not_to_publish(cohort=cohort, now=now)
    return Plan(
        row=row(cohort, now),
        days=days(cohort),
        country=public_holidays.country_name(cohort.time_zone),
        obstacles=reasons,
    )


def one(planner: User) -> "QuerySet[Cohort]":
    """The planner's groups, with everything that `plan` wants to know of one."""
    taken = Count("seats", filter=Q(seats__enrollment__isnull=False))
    groups = groups_of(planner).select_related("programme").annotate(taken=taken)
    return with_ends(groups).prefetch_related("facilitators")


def days(cohort: Cohort) -> list[Day]:
    """Every meeting day from the first to the last, the skipped ones too, on the group's clock."""
    try:
        slots = bookings.slots(cohort)
    except schedule.ImpossibleSchedule:
        return []
    starts = [slot.starts_at.astimezone(cohort.zone) for slot in slots]
    # A cancelled session's day may have become another's.
    off = (cohort.skipped() | cancelled_days(cohort)) - {at.date() for at in starts}
    all_days = [*(at.date() for at in starts), *off]
    names = public_holidays.among(all_days, zone=cohort.time_zone)
    found = [Day(day=day, number=None, holiday=names.get(day, "")) for day in off]
    for place, (slot, at) in enumerate(zip(slots, starts, strict=True)):
        before = starts[max(place - 1, 0)]
        found.append(
            Day(
                day=at.date(),
                number=slot.session.number if slot.session else place + 1,
                holiday=names.get(at.date(), ""),
                clock_time=clock.time_of_day(at, cohort.zone),
                clock_changes=at.utcoffset() != before.utcoffset(),
            )
        )
    return sorted(found, key=lambda one: one.day)


def cancelled_days(cohort: Cohort) -> set[dt.date]:
    """Days, on the group's clock, whose session was cancelled after it was published."""
    if cohort.status == Cohort.Status.DRAFT:
        return set()
    gone = cohort.group_sessions.exclude(cancelled_at=None).values_list("starts_at", flat=True)
    return {at.astimezone(cohort.zone).date() for at in gone}
