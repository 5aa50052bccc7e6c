"""One member's practice in one group: their weeks, and where they are in them.

Everybody who once had a seat has it, also when the seat has ended: what they wrote is theirs.
"""

import dataclasses
import datetime as dt
import uuid
import zoneinfo
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery

from accounts.models import User
from enrollment.models import Enrollment
from enrollment.states import LIVE, Status
from practice.models import DiaryEntry, SharedWithLeader, WeekPlan
from practice.weeks import Week, own_weeks, week_of, zone_of
from sessions.models import GroupSession
from sessions.teaching import weeks_of


@dataclass(frozen=True, slots=True)
class Before:
    """The group that somebody left before they came to this one, and wrote something in."""

    public_id: uuid.UUID
    name: str


@dataclass(frozen=True, slots=True)
class OwnPractice:
    enrollment: Enrollment
    weeks: list[Week]
    # In the member's own zone.
    zone: zoneinfo.ZoneInfo
    today: dt.date
    now: dt.datetime
    before: Before | None = None
    # What whoever leads was last let see, in any of the member's groups; None without a choice.
    latest_for_leaders: list[str] | None = None
    # For others: weeks that begin later are the group's, and not the member's any more.
    left_at: dt.datetime | None = None

    @property
    def left(self) -> bool:
        """Their seat ended before the group did."""
        return self.enrollment.status not in (*LIVE, Status.COMPLETED)

    @property
    def over(self) -> bool:
        """No week goes on and none is to come: the diary takes no new day."""
        return not self.weeks or self.today > self.weeks[-1].last_day

    @property
    def this_week(self) -> Week | None:
        """The one to plan and to note now: none in a group that is over or that they left."""
        return None if self.left or self.over else self.current

    @property
    def begun(self) -> list[Week]:
        """Those with something to practise, the latest last."""
        until = self.now if self.left_at is None else min(self.now, self.left_at)
        return [week for week in self.weeks if week.has_begun(until)]

    @property
    def current(self) -> Week | None:
        """The week whose skill is practised now: None before the first session."""
        return self.begun[-1] if self.begun else None

    def week(self, number: int) -> Week | None:
        """One of the weeks that have begun."""
        return next((week for week in self.begun if week.number == number), None)

    def week_on(self, day: dt.date) -> Week | None:
        """The week whose skill is practised on that day, if it has begun.

        Until a session begins, its day still belongs to the week before.
        """
        week = week_of(self.weeks, day)
        if week is None or week.has_begun(self.now):
            return week
        return self.current if day <= self.today else None

    def may_note(self, day: dt.date) -> bool:
        """Whether the diary takes that day: from the first session until today, in a week."""
        return day <= self.today and self.week_on(day) is not None


def own_practice(*, member: User, public_id: uuid.UUID, now: dt.datetime) -> OwnPractice:
    """Three queries. Raises Enrollment.DoesNotExist for somebody else's, as for one that never
    was, and for one that never had a confirmed seat."""
    there = {"enrollment": OuterRef("pk")}
    before = left_before(
        member=member.pk, at=OuterRef("reserved_at"), programme=OuterRef("cohort__programme")
    ).filter(Exists(WeekPlan.objects.filter(**there)) | Exists(DiaryEntry.objects.filter(**there)))
    chosen = SharedWithLeader.objects.filter(enrollment__member=OuterRef("member"))
    enrollment = (
        Enrollment.objects.select_related("cohort__programme", "shared_with_leader")
        .annotate(
            before_id=Subquery(before.values("public_id")[:1]),
            before_name=Subquery(before.values("cohort__name")[:1]),
            latest_parts=Subquery(chosen.order_by("-saved_at", "-pk").values("parts")[:1]),
        )
        .prefetch_related(
            Prefetch("cohort__group_sessions", GroupSession.objects.order_by("number"))
        )
        .get(member=member, public_id=public_id, confirmed_at__isnull=False)
    )
    enrollment.member = member  # is known already
    before_this = None
    if enrollment.before_id is not None:
        before_this = Before(enrollment.before_id, enrollment.before_name)
    return dataclasses.replace(
        practice_of(enrollment=enrollment, now=now),
        before=before_this,
        latest_for_leaders=enrollment.latest_parts,
    )


def left_before(*, member: int, at: Any, programme: Any) -> "QuerySet[Enrollment]":
    """The groups of a program that somebody left, of those reserved before that time: the latest
    first. `at` and `programme` may be of an outer query."""
    return Enrollment.objects.filter(
        member=member,
        status=Status.WITHDRAWN,
        reserved_at__lt=at,
        cohort__programme=programme,
    ).order_by("-reserved_at")


def latest_seat(*, member: User) -> Enrollment:
    """Where somebody's practice is at home: the last group in which they had a confirmed seat.

    One query. Raises Enrollment.DoesNotExist when they never had one.
    """
    return Enrollment.objects.filter(member=member, confirmed_at__isnull=False).latest(
        "confirmed_at", "pk"
    )


def seats_of(*, member: User) -> "QuerySet[Enrollment]":
    """Every group in which somebody practised, the latest first, with its cohort. One query."""
    found = Enrollment.objects.filter(member=member, confirmed_at__isnull=False)
    return found.select_related("cohort").order_by("-confirmed_at", "-pk")


def practice_of(*, enrollment: Enrollment, now: dt.datetime) -> OwnPractice:
    """Of an enrolment whose member, cohort and sessions were fetched along. One query."""
    zone = zone_of(enrollment.member.time_zone)
    cohort = enrollment.cohort
    weeks = own_weeks(
        sessions=cohort.group_sessions.all(),
        first_week=enrollment.first_week,
        teaches=weeks_of(cohorts=[cohort.pk], now=now)[cohort.pk],
        zone=zone,
    )
    return OwnPractice(enrollment, weeks, zone, now.astimezone(zone).date(), now)
