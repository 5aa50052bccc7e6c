"""A summary to print at weeks 4, 8 and 12: the pictures of the progress page and their tables.

It is drawn anew for each reader and kept nowhere. Notes are not in it: it may be shown to others.
"""

from collections.abc import Sequence

from reportlab.platypus import Flowable, KeepTogether, Spacer
from reportlab.platypus import Table as Grid

from accounts import pdf
from accounts.clock import day
from accounts.pdf import line, style
from practice import pictures, progress
from practice.drawing import Picture, flowable
from practice.models import RATED_WEEKS
from practice.own import OwnPractice
from practice.summary import Summary, WeekSummary

PRINTED_WEEKS = RATED_WEEKS[1:]
DRAWN = 640  # as wide as the pictures are drawn, before they are made to fit the page
ABOUT = (
    "Made from what you planned and noted. Your notes are not in it.",
    "Not for emergencies. In immediate danger call 911; for support at any hour call or text 988, "
    "or text HOME to 741741.",
)


def draw(*, practice: OwnPractice, summary: Summary, week: int) -> bytes:
    """The PDF's bytes, of a summary until the end of that week."""
    first = practice.enrollment.first_week
    title = f"Your practice, weeks {first} to {week}"
    cohort, member = practice.enrollment.cohort, practice.enrollment.member
    story: list[Flowable] = [
        line(title, style(18, bold=True, after=4)),
        line(
            f"{member.display_name or member.email}, {cohort.name}. "
            f"As of {day(practice.now, practice.zone)}, {practice.today.year}.",
            style(9, soft=True, after=12),
        ),
        *_weeks(summary),
        *_emotion(summary),
        *_places(summary),
        *_goals(summary),
        Spacer(1, 10),
        *(line(words, style(8.5, soft=True, after=4)) for words in ABOUT),
    ]
    return pdf.build(story, title=title, author="", subject="Your practice", footer=title)


def _weeks(summary: Summary) -> list[Flowable]:
    rows = [
        (
            str(week.number),
            week.week.teaches.title if week.week.teaches else "",
            _chosen(week),
            str(len(week.days) or ""),
        )
        for week in summary.weeks
    ]
    head = ("Week", "What it taught", "What you chose", "Days noted")
    return section(
        "Your weeks",
        pictures.weeks(summary, width=DRAWN),
        "A dot is a day on which you noted something.",
        table(head, rows, (9, 37, 40, 14)),
    )


def _chosen(week: WeekSummary) -> str:
    plan = week.chosen
    return ", ".join(filter(None, (plan.skill, plan.activity))) if plan else ""


def _emotion(summary: Summary) -> list[Flowable]:
    rows = progress.changes(summary.days)
    if not rows:
        return []
    cells = [(row.skill, str(row.days), row.before_words, row.after_words) for row in rows]
    return section(
        "How strong the emotion was, before and after",
        pictures.emotion(summary, width=DRAWN),
        "From 0 to 10, on average. The ring is before, the full circle after.",
        table(("Skill", "Days", "Before", "After"), cells, (49, 17, 17, 17)),
    )


def _places(summary: Summary) -> list[Flowable]:
    found = progress.places(summary)
    if not found.rows:
        return []
    cells = [(skill, *(str(count or "") for count in counts)) for skill, counts in found.rows]
    each = 72 / len(found.areas)
    return section(
        "Where each skill was lived",
        pictures.lived(summary, width=DRAWN),
        "Days in each part of life.",
        table(("Skill", *found.short), cells, (28, *[each for _ in found.areas])),
    )


def _goals(summary: Summary) -> list[Flowable]:
    rows = progress.goal_rows(summary.goals)
    if not rows:
        return []
    cells = [(goal.aim.title, *(words for _, words in looks)) for goal, looks in rows]
    numbers = " ".join(one.words for one in progress.together(summary.goals))
    head = ("Goal", *(f"Week {week}" for week in RATED_WEEKS))
    return section(
        "Your goals",
        pictures.goals(summary, width=DRAWN),
        pictures.keys(progress.looked_at(summary.goals), width=DRAWN),
        table(head, cells, (32, 17, 17, 17, 17)),
        f"{progress.ABOUT_TOGETHER} {numbers}",
    )


def section(title: str, *shown: Picture | str | Flowable) -> list[Flowable]:
    """On one page, where one is long enough."""
    below = style(9, soft=True, after=6)
    parts: list[Flowable] = [line(title, style(13, bold=True, after=2))]
    for one in shown:
        if isinstance(one, Picture):
            parts.append(flowable(one, width=pdf.WIDTH))
        else:
            parts.append(line(one, below) if isinstance(one, str) else one)
    return [KeepTogether(parts), Spacer(1, 12)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]], parts: Sequence[float]) -> Flowable:
    """`parts` of 100 are the columns' widths. The head is repeated on each page."""
    drawn = [[line(cell, style(8.5, bold=True)) for cell in head]]
    drawn += [[line(cell, style(8.5)) for cell in row] for row in rows]
    grid = Grid(drawn, colWidths=[pdf.WIDTH * part / 100 for part in parts], repeatRows=1)
    grid.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 1, pdf.INK),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, pdf.LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 3),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
        ]
    )
    grid.spaceBefore = grid.spaceAfter = 6
    return grid
