"""Reading what is on offer: the public list, its filters, and one group.

Three queries for the list, however many groups there are, and four for a group's page.
"""

import dataclasses
import datetime as dt
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import QueryDict

from enrollment import waitlist
from enrollment.models import Enrollment, Visit
from enrollment.states import ENTERED
from sessions.models import Cohort, CurriculumWeek, GroupSession, Programme
from sessions.pricing import price_from_week
from sessions.schedule import TIMES_OF_DAY, WEEKS, weeks_off
from sessions.teaching import weeks_of
from sessions.us_states import US_STATES

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# More states than this are counted on a card, and listed on the group's page only.
STATES_ON_A_CARD = 4
ENTRY_WEEKS = sorted({week for weeks in Cohort.STARTING_WEEKS.values() for week in weeks})


@dataclasses.dataclass(frozen=True, slots=True)
class GroupCard:
    """A group as a visitor meets it. `starts_at` is the session that they would begin with."""

    cohort: Cohort
    taken: int
    first_week: int
    starts_at: dt.datetime | None
    leaders: list[str]

    @property
    def programme(self) -> Programme:
        return self.cohort.programme

    @property
    def capacity(self) -> int:
        return self.cohort.capacity

    @property
    def seats_left(self) -> int:
        return max(self.cohort.capacity - self.taken, 0)

    @property
    def dots(self) -> list[bool]:
        return [number < self.taken for number in range(self.cohort.capacity)]

    @property
    def open(self) -> bool:
        """Still to be joined, whether or not a seat is free."""
        return self.starts_at is not None and self.cohort.status == Cohort.Status.PUBLISHED

    @property
    def where(self) -> str:
        """Whom it is for: "Arizona or New Mexico", "California, Oregon or Washington"."""
        names = [US_STATES.get(code, code) for code in self.cohort.admitted_states]
        if len(names) > STATES_ON_A_CARD:
            return f"{len(names)} states"
        return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))

    @property
    def session_count(self) -> int:
        return WEEKS - self.first_week + 1

    @property
    def price_cents(self) -> int:
        return price_from_week(self.cohort.price_cents, self.first_week)

    @property
    def currency(self) -> str:
        return self.cohort.currency


@dataclasses.dataclass(frozen=True, slots=True)
class SessionRow:
    number: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    begun: bool
    past: bool
    included: bool
    cancelled: bool
    week: CurriculumWeek | None
    # Days just before this session on which the group would have met and does not.
    skipped: list[dt.datetime]


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    label: str
    url: str
    active: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    label: str
    name: str
    options: list[Option]


def open_groups(*, now: dt.datetime) -> list[GroupCard]:
    """Groups that can still be joined, soonest first, full ones included."""
    cohorts = Cohort.objects.filter(status=Cohort.Status.PUBLISHED, joinable_until__gt=now)
    starts = GroupSession.objects.filter(number__in=ENTRY_WEEKS, starts_at__gt=now)
    cards = [card for card in _cards(cohorts, starts, now) if card.starts_at is not None]
    return sorted(cards, key=lambda card: (card.starts_at, card.cohort.pk))


def group_card(*, now: dt.datetime, **which: Any) -> GroupCard:
    """The one group that `which` looks up. Raises Cohort.DoesNotExist."""
    starts = GroupSession.objects.filter(number__in=ENTRY_WEEKS, starts_at__gt=now)
    return _one(_cards(Cohort.objects.filter(**which), starts, now))


def group_page(*, slug: str, now: dt.datetime) -> tuple[GroupCard, list[SessionRow]]:
    """A group that visitors may see, and its sessions. Raises Cohort.DoesNotExist."""
    cohorts = public_groups().filter(slug=slug)
    card = _one(_cards(cohorts, GroupSession.objects.all(), now))
    sessions = session_rows(
        sessions=_sessions_of(card.cohort),
        weeks=weeks_of(cohorts=[card.cohort.pk], now=now)[card.cohort.pk],
        first_week=card.first_week,
        zone=card.cohort.zone,
        now=now,
    )
    return card, sessions


def public_groups() -> "QuerySet[Cohort]":
    """A draft is as good as absent, also one that was put away; a closed group keeps its page."""
    opened = Exists(GroupSession.objects.filter(cohort=OuterRef("pk")))
    groups = Cohort.objects.exclude(status=Cohort.Status.DRAFT)
    return groups.exclude(~opened, status=Cohort.Status.ARCHIVED)


def groups_with_seats(
    *, now: dt.datetime, state: str = "", other_than: int | None = None, limit: int = 3
) -> list[GroupCard]:
    """What to offer to somebody who could not have the seat they wanted."""
    return [
        card
        for card in open_groups(now=now)
        if card.seats_left
        and card.cohort.pk != other_than
        and (not state or state in card.cohort.admitted_states)
    ][:limit]


def _cards(
    cohorts: "QuerySet[Cohort]", sessions: "QuerySet[GroupSession]", now: dt.datetime
) -> Iterator[GroupCard]:
    """Three queries; `sessions` holds at least those at which one can still begin.

    A chair on which somebody visits in the first session, or later, is no free seat, nor is one
    for which somebody waits: it is offered to them.
    """
    taken = Q(seats__enrollment__isnull=False) | Q(Exists(_visited(now)))
    found = (
        cohorts.select_related("programme")
        .annotate(seats_taken=Count("seats", filter=taken), waited_for=waitlist.waited_for())
        .prefetch_related("facilitators", Prefetch("group_sessions", sessions, to_attr="fetched"))
    )
    for cohort in found:
        weeks = cohort.starting_weeks
        held = (s for s in _sessions_of(cohort) if s.cancelled_at is None)
        entry = next((s for s in held if s.number in weeks and s.starts_at > now), None)
        yield GroupCard(
            cohort=cohort,
            taken=cohort.capacity if cohort.waited_for else cohort.seats_taken,
            first_week=entry.number if entry else 1,
            starts_at=entry.starts_at if entry else None,
            # A name that they chose, and never their address.
            leaders=[
                leader.display_name for leader in cohort.facilitators.all() if leader.display_name
            ],
        )


def _visited(now: dt.datetime) -> "QuerySet[Visit]":
    """Visits on the chair of the query around it, from the first session on that one can join."""
    entry = GroupSession.objects.filter(
        Q(number=1) | Q(number__in=ENTRY_WEEKS, cohort__admission=Cohort.Admission.MODULE_STARTS),
        cohort=OuterRef("session__cohort"),
        number__lte=OuterRef("session__number"),
        starts_at__gt=now,
        cancelled_at=None,
    )
    return Visit.objects.filter(
        Exists(entry), seat=OuterRef("seats__pk"), given_back_at=None, session__starts_at__gt=now
    )


def _sessions_of(cohort: Cohort) -> list[GroupSession]:
    """What `_cards` fetched, in the order of time."""
    return cohort.fetched  # type: ignore[attr-defined,no-any-return]


def _one(cards: Iterator[GroupCard]) -> GroupCard:
    for card in cards:
        return card
    raise Cohort.DoesNotExist


def session_rows(
    *,
    sessions: Iterable[GroupSession],
    weeks: Mapping[int, CurriculumWeek],
    first_week: int,
    zone: zoneinfo.ZoneInfo,
    now: dt.datetime,
) -> list[SessionRow]:
    """Sessions in their order, as one member sees them; `zone` is the group's own."""
    sessions = list(sessions)
    skipped = weeks_off({session.number: session.starts_at for session in sessions}, zone)
    return [
        SessionRow(
            number=session.number,
            starts_at=session.starts_at,
            ends_at=session.ends_at,
            begun=session.starts_at <= now,
            past=session.ends_at <= now,
            included=session.number >= first_week,
            cancelled=session.cancelled_at is not None,
            week=weeks.get(session.number),
            skipped=skipped.get(session.number, []),
        )
        for session in sessions
    ]


def own_live_enrollment(*, cohort: Cohort, member_id: int | None) -> Enrollment | None:
    """The seat that somebody has in this group, or their place on its waitlist."""
    if member_id is None:
        return None
    return Enrollment.objects.filter(cohort=cohort, member_id=member_id, status__in=ENTERED).first()


# --- Filters: plain links that can be shared --------------------------------------------


def apply_filters(
    cards: list[GroupCard], query: QueryDict, zone: zoneinfo.ZoneInfo
) -> list[GroupCard]:
    """The cards that match ?day=, ?time= (on the reader's own clock) and ?state=.

    A value that means nothing filters nothing.
    """
    day, time, state = query.get("day", ""), query.get("time", ""), query.get("state", "")

    def matches(card: GroupCard) -> bool:
        assert card.starts_at is not None
        local = card.starts_at.astimezone(zone)
        if day in DAY_KEYS and local.isoweekday() != int(day):
            return False
        if time in TIMES_OF_DAY:
            first, end = TIMES_OF_DAY[time]
            if not first <= local.hour < end:
                return False
        return state not in US_STATES or state in card.cohort.admitted_states

    return [card for card in cards if matches(card)]


DAY_KEYS = {str(number) for number in range(1, 8)}


def build_filters(
    cards: list[GroupCard], query: QueryDict, zone: zoneinfo.ZoneInfo
) -> list[Filter]:
    """What can be chosen, from all open groups, so that no choice leads to an empty list.

    What is chosen already stays: a shared link may be older than the groups that it found.
    """
    locals_ = [card.starts_at.astimezone(zone) for card in cards if card.starts_at]
    day, time, state = query.get("day", ""), query.get("time", ""), query.get("state", "")
    days = sorted({str(local.isoweekday()) for local in locals_} | ({day} & DAY_KEYS))
    times = [
        name
        for name, (first, end) in TIMES_OF_DAY.items()
        if name == time or any(first <= local.hour < end for local in locals_)
    ]
    states = sorted(
        {code for card in cards for code in card.cohort.admitted_states}
        | ({state} & US_STATES.keys())
    )
    return [
        _filter("Day", "day", [(d, WEEKDAYS[int(d) - 1]) for d in days], query),
        _filter("Time of day", "time", [(t, t.capitalize()) for t in times], query),
        _filter("Your state", "state", [(c, US_STATES.get(c, c)) for c in states], query),
    ]


def _filter(label: str, name: str, choices: list[tuple[str, str]], query: QueryDict) -> Filter:
    current = query.get(name, "")
    if current not in dict(choices):
        current = ""
    options = [Option("Any", _with(query, name, ""), not current)]
    options += [Option(text, _with(query, name, key), key == current) for key, text in choices]
    return Filter(label, name, options)


def _with(query: QueryDict, name: str, value: str) -> str:
    """The list's address with one filter changed and the others kept."""
    changed = QueryDict(mutable=True)
    for key in ("day", "time", "state"):
        kept = value if key == name else query.get(key, "")
        if kept:
            changed[key] = kept
    return f"?{changed.urlencode()}" if changed else "?"
