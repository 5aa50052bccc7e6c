"""The plots of the numbers page. How all plots look stands in `accounts/plots.py`."""

import itertools
from collections.abc import Sequence

from accounts.plots import COLOURS, CSS, looks, pygal, svg
from billing.numbers import Filled, Month
from sessions.models import Cohort
from sessions.pricing import format_money

BARS = ("mindfulness", "distress", "people", "emotion")
# More groups than this are a smear; the table has them all.
GROUPS = 16


def money(months: Sequence[Month], *, theme: str, narrow: bool = False) -> bytes:
    """Revenue, refunds, disputes and net of each month, as bars above and below zero."""
    chart = pygal.Bar(
        **looks(theme, BARS, narrow=narrow),
        value_formatter=_short_dollars,
        x_label_rotation=40 if len(months) > (3 if narrow else 6) else 0,
    )
    chart.x_labels = [f"{month.starts:%b %Y}" for month in months]
    for label, values in (
        ("Revenue", [month.revenue for month in months]),
        ("Refunds", [month.refunds for month in months]),
        ("Disputes", [month.disputes for month in months]),
        ("Net", [month.net for month in months]),
    ):
        chart.add(label, [cents / 100 for cents in values])
    return svg(chart)


def seats(groups: Sequence[Filled], *, theme: str, narrow: bool = False) -> bytes:
    """Taken, kept and free seats of the latest groups, one bar for each."""
    shown = list(itertools.islice(groups, GROUPS))
    height = max(180, 60 + 28 * len(shown))
    given = looks(theme, ("mindfulness", "distress", "surface"), narrow=narrow)
    given |= {"height": height, "css": [*CSS, _hollow(theme)]}
    chart = pygal.HorizontalStackedBar(**given, value_formatter=lambda seats: f"{seats:.0f}")
    # Drawn from the bottom up: the latest group belongs on top, as in the table.
    shown.reverse()
    chart.x_labels = [_label(one.cohort, narrow=narrow) for one in shown]
    chart.add("Taken", [one.taken for one in shown])
    chart.add("Kept, not paid yet", [one.kept for one in shown])
    chart.add("Free", [one.free for one in shown])
    return svg(chart)


def _short_dollars(units: float) -> str:
    """An axis has round amounts: no cents where there are none."""
    return format_money(round(units * 100)).removesuffix(".00")


def _label(cohort: Cohort, *, narrow: bool) -> str:
    """Groups share their names: the day on which one began tells it from the others."""
    day = f"{cohort.first_date:%b} {cohort.first_date.day}"
    if narrow:  # the names' own words, weekday and time, shorter
        hour = f"{cohort.wall_time:%I:%M %p}".lstrip("0")
        return f"{cohort.first_date:%a}, {day}, {hour}"
    return f"{cohort.name[:24]}, {day}"


def _hollow(theme: str) -> str:
    """What is empty has an edge only."""
    edge = COLOURS[theme]["edge"]
    return f"inline:.color-2 {{ stroke: {edge} !important; stroke-width: 1.5 !important; }}"
