"""The diary: one card for a day, under a minute.

Saved twice is one entry. The later one wins; what it replaced without having seen it is kept
beside it until the member decides. A card that says nothing is no entry.
"""

import dataclasses
import datetime as dt
from typing import Any, Self

from django.db import transaction

from enrollment.models import Enrollment
from practice.models import DiaryEntry, WeekPlan
from practice.planning import Plan
from practice.stored import mapping, text, texts, whole

LONGEST_ACTIVITY = 1000
LONGEST_NOTE = 2000
# What a card holds besides: by which page it was saved, and with which of its requests.
OF_THE_PAGE = ("page", "sent")
# How strong an emotion was: not at all, to as strong as it can be.
STRENGTHS = range(11)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is noted about one day; each part may be left out.

    No ratings of suicidality or self-harm and nothing that asks for them: nobody watches this.
    """

    skills: tuple[str, ...] = ()
    activity: str = ""
    before: int | None = None
    after: int | None = None
    note: str = ""

    @property
    def is_blank(self) -> bool:
        return self == Card()

    def dump(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "skills": list(self.skills)}

    @classmethod
    def load(cls, content: object) -> Self:
        """What a card has today; what other versions wrote besides is left out."""
        stored = mapping(content)
        return cls(
            skills=tuple(skill for skill in texts(stored, "skills") if skill),
            activity=text(stored, "activity"),
            before=whole(stored, "before", STRENGTHS),
            after=whole(stored, "after", STRENGTHS),
            note=text(stored, "note"),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Replaced:
    """What another page or device had saved before, and when that was."""

    card: Card
    saved_at: dt.datetime


def replaced_in(entry: DiaryEntry | None) -> Replaced | None:
    if entry is None or entry.replaced is None:
        return None
    saved_at = dt.datetime.fromisoformat(entry.replaced["saved_at"])
    return Replaced(Card.load(entry.replaced), saved_at)


def version_of(entry: DiaryEntry | None) -> str:
    """What a page says it knew when it saves; empty where nothing stood.

    With the time: a day that was emptied and filled again counts its savings anew.
    """
    return f"{entry.revision}-{entry.saved_at.timestamp():.6f}" if entry else ""


def entry_of(*, enrollment: Enrollment, day: dt.date) -> DiaryEntry | None:
    return DiaryEntry.objects.filter(enrollment=enrollment, day=day).first()


def entries_of(*, enrollment: Enrollment) -> dict[dt.date, DiaryEntry]:
    """Every day that something is noted about. One query."""
    return {entry.day: entry for entry in DiaryEntry.objects.filter(enrollment=enrollment)}


def noted_days(
    *, enrollment: Enrollment, first: dt.date, last: dt.date
) -> dict[dt.date, DiaryEntry]:
    """Those of the days that something is noted about, without what. One query."""
    rows = DiaryEntry.objects.filter(enrollment=enrollment, day__range=(first, last))
    return {entry.day: entry for entry in rows.only("enrollment", "day", "saved_at")}


def planned_activity(*, enrollment: Enrollment, week: int) -> str:
    """What the member planned for that week, or nothing. One query."""
    plan = WeekPlan.objects.filter(enrollment=enrollment, week=week, skipped=False).first()
    return Plan.load(plan.content).activity[:LONGEST_ACTIVITY] if plan else ""


class TakenAway(Exception):
    """The page knew of an entry that is there no more."""


@transaction.atomic
def save_card(
    *,
    enrollment: Enrollment,
    day: dt.date,
    card: Card,
    seen: str,
    page: str,
    now: dt.datetime,
    sent: int = 0,
) -> DiaryEntry | None:
    """Keep the card; return what stands now, None for a day that is blank.

    `seen` is the version that the page knew; `page` a random word of the page itself, so that one
    whose last answer got lost on the way is not taken for another device; `sent` grows with each of
    its requests, so that one that was long on its way undoes no later one: it changes nothing.
    What the page did not know is kept in `replaced`, with `replaced_at` at `now`. A blank card
    takes an entry away, unless the page did not know what stands there. Raises TakenAway where the
    page knew of an entry, and there is none.
    """
    if card.is_blank:
        return _empty(_locked(enrollment, day), seen, page, sent)
    content = {**card.dump(), "page": page, "sent": sent}
    first, entry = False, _locked(enrollment, day)
    if entry is None:
        if seen:
            raise TakenAway
        entry, first = DiaryEntry.objects.select_for_update().get_or_create(
            enrollment=enrollment, day=day, defaults={"content": content, "saved_at": now}
        )
    if first or Card.load(entry.content) == card or _is_late(entry, page, sent):
        return entry
    if not _knew(entry, seen, page):
        entry.replaced, entry.replaced_at = _kept(entry), now
    return _written(entry, content, now)


@transaction.atomic
def bring_back(*, enrollment: Enrollment, day: dt.date, seen: str, now: dt.datetime) -> bool:
    """Swap what stands with what it replaced; False when the page showed something else."""
    entry = _locked(enrollment, day)
    replaced = replaced_in(entry)
    if entry is None or replaced is None or version_of(entry) != seen:
        return False
    entry.replaced, entry.replaced_at = _kept(entry), now
    _written(entry, replaced.card.dump(), now)
    return True


@transaction.atomic
def leave_as_it_is(*, enrollment: Enrollment, day: dt.date, seen: str) -> bool:
    """Forget what was replaced; False when the page showed something else."""
    entry = _locked(enrollment, day)
    if entry is None or entry.replaced is None or version_of(entry) != seen:
        return False
    entry.replaced = entry.replaced_at = None
    entry.save(update_fields=["replaced", "replaced_at"])
    return True


def _locked(enrollment: Enrollment, day: dt.date) -> DiaryEntry | None:
    return DiaryEntry.objects.select_for_update().filter(enrollment=enrollment, day=day).first()


def _knew(entry: DiaryEntry, seen: str, page: str) -> bool:
    """Whether the page that saves had shown, or written, what stands there."""
    return seen == version_of(entry) or bool(page and entry.content.get("page") == page)


def _is_late(entry: DiaryEntry, page: str, sent: int) -> bool:
    """Whether a later request of the same page was stored before this one."""
    stored = entry.content.get("sent")
    return bool(
        page and entry.content.get("page") == page and isinstance(stored, int) and 0 < sent < stored
    )


def _empty(entry: DiaryEntry | None, seen: str, page: str, sent: int) -> DiaryEntry | None:
    if entry is None or not _knew(entry, seen, page) or _is_late(entry, page, sent):
        return entry
    entry.delete()
    return None


def _kept(entry: DiaryEntry) -> dict[str, Any]:
    return {**Card.load(entry.content).dump(), "saved_at": entry.saved_at.isoformat()}


def _written(entry: DiaryEntry, content: dict[str, Any], now: dt.datetime) -> DiaryEntry:
    entry.content, entry.saved_at = content, now
    entry.revision += 1
    entry.save(update_fields=["content", "saved_at", "revision", "replaced", "replaced_at"])
    return entry
