"""What a member shares, on paper for their practitioner: what the pages under /care/ show, and no
more. It is drawn anew for each reader and kept nowhere."""

import datetime as dt
from collections.abc import Mapping

from reportlab.platypus import Flowable, Spacer

from accounts import pdf
from accounts.clock import day
from accounts.pdf import line, style
from practice import care, pictures, progress
from practice.attainment import EXPECTED
from practice.models import Part, Share
from practice.own import OwnPractice
from practice.paper import DRAWN, section, table
from practice.shared import Colleague, colleagues
from practice.sharing import Names, last_day
from practice.summary import Summary, goals_of

SUBJECT = "Skills in everyday life"
NOTHING = "Nothing noted."


def draw_shared(*, share: Share, now: dt.datetime) -> bytes:
    """The PDF's bytes, of the parts that the share shows now. Read while the consent is held."""
    practice = care.practice_behind(enrollment=share.enrollment, now=now)
    member = Names.load(share.content).signature
    until = last_day(share, practice.zone)
    story: list[Flowable] = [
        line(SUBJECT, style(18, bold=True, after=4)),
        line(
            f"{member}. Shared until {until:%B} {until.day}, {until.year}. "
            f"As of {day(now, practice.zone)}, {practice.today.year}.",
            style(9, soft=True, after=12),
        ),
    ]
    for part in Part:
        if share.shows(part, now):
            story += _PARTS[part](practice, colleagues(share=share, part=part, now=now), now)
    return pdf.build(story, title=SUBJECT, author="", subject=SUBJECT, footer=SUBJECT)


def _plan(practice: OwnPractice, by: Mapping[int, Colleague], now: dt.datetime) -> list[Flowable]:
    story = [_title("Weekly plan")]
    for planned in care.planned_weeks(practice=practice, by=by, now=now):
        week = planned.week
        story.append(_below(f"Week {week.number}{_taught(week.teaches)}"))
        if planned.skipped:
            story.append(_words("Left out this week."))
        elif not planned.lines:
            story.append(_words("No plan for this week."))
        else:
            story += [_words(f"{label}: {words}") for label, words in planned.lines]
        for one in planned.suggestions:
            if one.taken_back:
                continue
            kind = one.proposal.get_kind_display()
            story.append(_words(f"{kind}, by {one.by}: {one.words.text}"))
    return [*story, Spacer(1, 12)]


def _taught(teaches: object) -> str:
    title = getattr(teaches, "title", "")
    return f": {title}" if title else ""


def _diary(practice: OwnPractice, by: Mapping[int, Colleague], now: dt.datetime) -> list[Flowable]:
    rows = [
        (
            str(one.week.number),
            str(one.days),
            ", ".join(f"{skill} ({times})" for skill, times in one.skills),
            "" if one.before is None else f"{one.before:g}",
            "" if one.after is None else f"{one.after:g}",
        )
        for one in care.diary_weeks(practice=practice)
        if one.days
    ]
    head = ("Week", "Days noted", "Skills, and on how many days", "Before", "After")
    shown = [table(head, rows, (10, 14, 52, 12, 12))] if rows else [_words(NOTHING)]
    return section(
        "Diary, in short",
        "Before and after: how strong an emotion was, from 0 to 10, on average.",
        *shown,
    )


def _goals(practice: OwnPractice, by: Mapping[int, Colleague], now: dt.datetime) -> list[Flowable]:
    found = care.goals_of(enrollment=practice.enrollment, by=by)
    story = [_title("Goals")]
    for goal in found:
        story.append(_below(goal.title))
        if goal.works_with:
            story.append(_words(f"Worked on with {goal.works_with}."))
        story += [_words(f"{level}: {words}") for level, words in reversed(goal.levels) if words]
        story += [
            _words(f"Week {one.week}: {one.words}. {one.reached.note}".rstrip())
            for one in goal.ratings
        ]
    if not found:
        story.append(_words("No goals at the moment."))
    return [*story, *_how_far(practice), Spacer(1, 12)]


def _how_far(practice: OwnPractice) -> list[Flowable]:
    """The goals of now as a picture, and as one number."""
    of_now = [goal for goal in goals_of(practice.enrollment) if not goal.ended_at]
    numbers = [f"{one.score:.0f} at week {one.week}" for one in progress.together(of_now)]
    if not numbers:
        return []
    return section(
        "How far they are",
        pictures.goals(Summary(weeks=[], goals=of_now, looks=[]), width=DRAWN),
        pictures.keys(progress.looked_at(of_now), width=DRAWN),
        f"All goals together, as a T-score: {', '.join(numbers)}. {EXPECTED:.0f} is what was "
        "expected.",
    )


def _attendance(
    practice: OwnPractice, by: Mapping[int, Colleague], now: dt.datetime
) -> list[Flowable]:
    rows = [
        (f"{one.week.number}{_taught(one.week.teaches)}", one.words)
        for one in care.attendance_of(practice=practice, now=now)
    ]
    shown = table(("Session", "Came"), rows, (60, 40)) if rows else _words(NOTHING)
    return section("Sessions", shown)


_PARTS = {
    Part.PLAN: _plan,
    Part.DIARY: _diary,
    Part.GOALS: _goals,
    Part.ATTENDANCE: _attendance,
}


def _title(words: str) -> Flowable:
    return _heading(words, size=13, before=0)


def _below(words: str) -> Flowable:
    return _heading(words, size=10, before=6)


def _heading(words: str, *, size: int, before: int) -> Flowable:
    """Never the last line of a page."""
    look = style(size, bold=True, after=2)
    look.spaceBefore, look.keepWithNext = before, 1
    return line(words, look)


def _words(words: str) -> Flowable:
    """A paragraph, which may go on on the next page however long it is."""
    return line(words, style(9, after=3))
