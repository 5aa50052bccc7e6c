"""Who opened what of a member's practice, in words for the member. Read from the audit log."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts import clock
from accounts.models import Action, AuditEntry, Subject
from enrollment.models import Enrollment
from practice.models import Share
from practice.sharing import Names

WORDS = {
    Action.SHARED_PLAN_READ: "opened your plan",
    Action.SHARED_DIARY_READ: "opened the summary of your diary",
    Action.SHARED_GOALS_READ: "opened your goals",
    Action.SHARED_ATTENDANCE_READ: "opened which sessions you came to",
    Action.SHARED_TAKEN: "downloaded a copy of what you share",
    Action.PRACTICE_READ: "opened what you share with whoever leads your group",
}
WITHIN_A_WEEK = dt.timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Look:
    at: dt.datetime
    words: str


def entries(*, enrollment: Enrollment, shares: Mapping[str, Share]) -> "QuerySet[AuditEntry]":
    """Every look at what this member shares in this group, newest first."""
    shared = Q(subject_kind=Subject.SHARE, subject_id__in=list(shares))
    led = Q(subject_kind=Subject.PRACTICE, subject_id=str(enrollment.pk))
    return (
        AuditEntry.objects.filter(
            shared | (led & Q(action=Action.PRACTICE_READ)), action__in=list(WORDS)
        )
        .select_related("actor")
        .order_by("-pk")
    )


def look(entry: AuditEntry, shares: Mapping[str, Share], now: dt.datetime, zone: str) -> Look:
    """As in "Sam Ortiz opened your plan on Tuesday, 2:02 PM Eastern"."""
    if entry.subject_kind == Subject.SHARE:
        who = Names.of(shares[entry.subject_id]).name
    else:
        who = entry.actor.display_name or "Whoever leads your group"
    what = WORDS[Action(entry.action)]
    return Look(entry.at, f"{who} {what} on {when(entry.at, now, zone)}")


def when(at: dt.datetime, now: dt.datetime, zone: str) -> str:
    """The weekday says enough within a week; before, the date as well."""
    if now - at < WITHIN_A_WEEK:
        return f"{clock.weekday(at, zone)}, {clock.time_of_day(at, zone)}"
    return clock.day_and_time(at, zone)
