"""Versions of a curriculum: drafted, read by a clinician, published, and kept from then on.

One version is drafted at a time. Whoever changes a version holds its locked row, and gives back
what their page showed (`seen`), so that nobody's change is lost and nothing is approved or
published that somebody has not read.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Prefetch

from accounts import audit
from accounts.models import Action, Subject, User
from sessions.curriculum import DEFAULT_WEEKS
from sessions.edition_changes import WeekChange, changes
from sessions.models import Curriculum, CurriculumWeek, Programme
from sessions.schedule import WEEKS
from sessions.teaching import Group, present_groups


class NotPossible(Exception):
    """Nothing was changed; `reasons` are sentences for the person who asked."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class ChangedMeanwhile(Exception):
    """Nothing was changed: it is not what the page showed any more."""


@dataclass(frozen=True, slots=True)
class Text:
    """What one week teaches, as somebody typed it."""

    module: str
    title: str
    skills: list[str]
    activities: dict[str, list[str]]
    explained: dict[str, str] = field(default_factory=dict)


def text_of(week: CurriculumWeek) -> Text:
    activities = {area: list(texts) for area, texts in week.activities.items() if texts}
    explained = {skill: words for skill, words in week.explained_skills if words}
    return Text(week.module, week.title, list(week.skills), activities, explained)


def _write(text: Text, week: CurriculumWeek) -> None:
    """What explains a skill that is not in the list is dropped."""
    week.module, week.title = text.module, text.title
    week.skills, week.activities = text.skills, text.activities
    said = text.explained
    week.explained = {skill: said[skill] for skill in text.skills if said.get(skill)}


def fingerprint(weeks: Iterable[CurriculumWeek]) -> str:
    """What these weeks say, as a few characters: others once anybody has changed them."""
    said = [[w.number, w.module, w.title, w.skills, w.explained, w.activities] for w in weeks]
    return _short(said)


def _short(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


# --- A draft ----------------------------------------------------------------------------


@transaction.atomic
def start_draft(*, programme: Programme) -> Curriculum:
    """A copy of the newest version, or the draft that there is already. Weeks that the newest
    does not have are filled in with the text that every installation begins with."""
    Programme.objects.select_for_update(no_key=True).get(pk=programme.pk)
    newest = Curriculum.objects.filter(programme=programme).order_by("-version").first()
    if newest and newest.published_at is None:
        return newest
    draft = Curriculum.objects.create(
        programme=programme, version=newest.version + 1 if newest else 1
    )
    there = {week.number: text_of(week) for week in newest.weeks.all()} if newest else {}
    for number, default in enumerate(DEFAULT_WEEKS, start=1):
        week = CurriculumWeek(curriculum=draft, number=number)
        usual = Text(
            default.module, default.title, list(default.skills), default.activities, default.skills
        )
        _write(there.get(number, usual), week)
        week.save()
    return draft


@transaction.atomic
def throw_away(*, draft: Curriculum, seen: str) -> None:
    """Delete a draft as it was `seen`. Raises NotPossible and ChangedMeanwhile."""
    locked = _locked_draft(draft)
    if fingerprint(locked.weeks.all()) != seen:
        raise ChangedMeanwhile
    locked.weeks.all().delete()
    locked.delete()


@transaction.atomic
def save_week(*, week: CurriculumWeek, text: Text, seen: str) -> None:
    """Store a week of a draft as typed; a clinician's tick on the version goes, if that changes
    anything. Raises NotPossible and ChangedMeanwhile."""
    draft = _locked_draft(week.curriculum)
    stored = draft.weeks.filter(pk=week.pk).first()
    if stored is None or fingerprint([stored]) != seen:
        raise ChangedMeanwhile
    before = text_of(stored)
    _write(text, stored)
    if text_of(stored) == before:
        return
    stored.save(update_fields=["module", "title", "skills", "explained", "activities"])
    if draft.approved_at:
        draft.clinician, draft.approved_by, draft.approved_at = "", None, None
        draft.save(update_fields=[*Curriculum.TICK])


def _locked(curriculum: Curriculum) -> Curriculum:
    try:
        return (
            Curriculum.objects.select_for_update(of=("self",))
            .select_related("programme")
            .get(pk=curriculum.pk)
        )
    except Curriculum.DoesNotExist:
        raise NotPossible("Somebody threw this draft away meanwhile.") from None


def _locked_draft(curriculum: Curriculum) -> Curriculum:
    locked = _locked(curriculum)
    if locked.published_at:
        raise NotPossible(
            "This version is published, so it stays as it is. A change is a new version."
        )
    return locked


# --- A clinician's tick, and publication ------------------------------------------------


@transaction.atomic
def approve(
    *, curriculum: Curriculum, clinician: str, actor: User, seen: str, now: dt.datetime, ip: str
) -> None:
    """Note that this clinician has read the version as it was `seen`, and who says so. Also for
    a published first version, which no clinician had read. Raises NotPossible, ChangedMeanwhile."""
    locked = _locked(curriculum)
    if locked.approved_at:
        raise NotPossible(f"This version has the tick already: {locked.clinician}.")
    weeks = list(locked.weeks.all())
    if fingerprint(weeks) != seen:
        raise ChangedMeanwhile
    if reasons := _gaps(weeks):
        raise NotPossible(*reasons)
    locked.clinician, locked.approved_by, locked.approved_at = clinician, actor, now
    locked.save(update_fields=[*Curriculum.TICK])
    _note(Action.CURRICULUM_APPROVED, locked, actor, now, ip)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What publishing a draft would do, for whoever decides it."""

    draft: Curriculum
    changes: list[WeekChange]
    # Groups that have not begun, and those that run and keep their own version.
    follow: list[Group]
    keep: list[Group]
    obstacles: list[str]

    @property
    def seen(self) -> str:
        """Everything that the page shows of it."""
        return _short(
            [
                fingerprint(self.draft.weeks.all()),
                self.draft.clinician,
                [one.text for change in self.changes for one in change.lines],
                [one.cohort.pk for one in self.follow],
                [one.cohort.pk for one in self.keep],
                self.obstacles,
            ]
        )


def outlook(*, draft: Curriculum, now: dt.datetime) -> Outlook:
    """Five queries."""
    before = previous(draft)
    weeks = list(draft.weeks.all())
    changed = changes(before.weeks.all() if before else (), weeks)
    obstacles = _gaps(weeks)
    if not draft.approved_at:
        obstacles.append("No licensed clinician has approved this version yet.")
    if before and not changed:
        obstacles.append(f"Nothing in it is different from version {before.version}.")
    groups = present_groups(programmes=[draft.programme_id], now=now)
    return Outlook(
        draft=draft,
        changes=changed,
        follow=[one for one in groups if not one.begun],
        keep=[one for one in groups if one.begun],
        obstacles=obstacles,
    )


def publish(*, draft: Curriculum, actor: User, seen: str, now: dt.datetime, ip: str) -> None:
    """Let every group that has not begun follow this version from now on, and never change it
    again. Raises NotPossible with every reason, and ChangedMeanwhile."""
    with transaction.atomic():
        locked = _locked_draft(draft)
        found = outlook(draft=locked, now=now)
        if found.seen != seen:
            raise ChangedMeanwhile
        if found.obstacles:
            raise NotPossible(*found.obstacles)
        locked.published_at = now
        locked.save(update_fields=["published_at"])
        _note(Action.CURRICULUM_PUBLISHED, locked, actor, now, ip)


def _note(action: Action, of: Curriculum, actor: User, now: dt.datetime, ip: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_kind=Subject.CURRICULUM,
        subject_id=of.pk,
        now=now,
        ip=ip,
    )


def _gaps(weeks: Iterable[CurriculumWeek]) -> list[str]:
    """What is missing in a version, as sentences."""
    there = {week.number: week for week in weeks}
    missing = [
        f"Week {number} has no text."
        for number in range(1, WEEKS + 1)
        if number not in there or not there[number].title
    ]
    without = [f"Week {n} has no skills." for n, week in there.items() if not week.skills]
    return missing + without


# --- Looking ----------------------------------------------------------------------------


def previous(curriculum: Curriculum) -> Curriculum | None:
    """The version before it."""
    earlier = Curriculum.objects.filter(
        programme=curriculum.programme_id, version__lt=curriculum.version
    )
    return earlier.order_by("-version").first()


@dataclass(frozen=True, slots=True)
class Version:
    """A version in the list of its programme's, with the groups that follow it now."""

    curriculum: Curriculum
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A programme and its versions, the newest first."""

    programme: Programme
    versions: list[Version]

    @property
    def draft(self) -> Curriculum | None:
        newest = self.versions[0].curriculum if self.versions else None
        return newest if newest and newest.published_at is None else None


def shelves(*, now: dt.datetime) -> list[Shelf]:
    """Every programme with its versions. Three queries, however many."""
    versions = Curriculum.objects.select_related("approved_by").order_by("-version")
    programmes = list(
        Programme.objects.prefetch_related(Prefetch("curricula", versions)).order_by("name", "pk")
    )
    by_version: dict[int, list[Group]] = {
        curriculum.pk: [] for programme in programmes for curriculum in programme.curricula.all()
    }
    for group in present_groups(programmes=[one.pk for one in programmes], now=now):
        if group.follows:
            by_version[group.follows].append(group)
    return [
        Shelf(
            programme,
            [
                Version(curriculum, by_version[curriculum.pk])
                for curriculum in programme.curricula.all()
            ],
        )
        for programme in programmes
    ]
