"""The plots of the numbers page, as bars. What all plots share is in `accounts/plots.py`."""

import itertools
import sys
from collections.abc import Sequence
from typing import Any

import pygal
from pygal.style import Style

from accounts.plots import COLOURS, NARROW, SANS, WIDTH
from billing.numbers import Filled, Month
from sessions.models import Cohort
from sessions.pricing import format_money

# pygal hooks itself into every import of the process by a protocol that Python has given up:
# whoever asks the hooks for a module then meets an AttributeError.
sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "PluginImportFixer"]

CSS = ("file://style.css", "file://graph.css")  # pygal's own
HEIGHT = 400
BARS = ("mindfulness", "distress", "people", "emotion")
# More groups than this are a smear; the table has them all.
GROUPS = 16


def money(months: Sequence[Month], *, theme: str, narrow: bool = False) -> bytes:
    """Revenue, refunds, disputes and net of each month, as bars above and below zero."""
    chart = pygal.Bar(
        **_looks(theme, BARS, narrow=narrow),
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
    return _svg(chart)


def seats(groups: Sequence[Filled], *, theme: str, narrow: bool = False) -> bytes:
    """Taken, kept and free seats of the latest groups, one bar for each."""
    shown = list(itertools.islice(groups, GROUPS))
    height = max(180, 60 + 28 * len(shown))
    looks = _looks(theme, ("mindfulness", "distress", "surface"), narrow=narrow)
    looks |= {"height": height, "css": [*CSS, _hollow(theme)]}
    chart = pygal.HorizontalStackedBar(**looks, value_formatter=lambda seats: f"{seats:.0f}")
    # Drawn from the bottom up: the latest group belongs on top, as in the table.
    shown.reverse()
    chart.x_labels = [_label(one.cohort, narrow=narrow) for one in shown]
    chart.add("Taken", [one.taken for one in shown])
    chart.add("Kept, not paid yet", [one.kept for one in shown])
    chart.add("Free", [one.free for one in shown])
    return _svg(chart)


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


def _looks(theme: str, bars: Sequence[str], *, narrow: bool) -> dict[str, Any]:
    colours = COLOURS[theme]
    style = Style(
        background=colours["surface"],
        plot_background=colours["surface"],
        foreground=colours["ink"],
        foreground_strong=colours["ink"],
        foreground_subtle=colours["line"],
        guide_stroke_color=colours["line"],
        major_guide_stroke_color=colours["line"],
        opacity="1",
        opacity_hover="1",
        transition="0s",
        colors=tuple(colours[bar] for bar in bars),
        font_family=SANS,
        label_font_size=12 if narrow else 14,
        major_label_font_size=12 if narrow else 14,
        no_data_font_size=18,
    )
    return {
        "style": style,
        "js": [],
        "width": NARROW if narrow else WIDTH,
        "height": HEIGHT,
        "show_legend": False,  # the page has one, whose words are never cut off
        "truncate_label": -1,
        "show_minor_y_labels": True,
        "no_data_text": "Nothing in this time",
        "disable_xml_declaration": True,
        "pretty_print": False,
    }


def _svg(chart: Any) -> bytes:
    chart.add_xml_filter(_without_scripts)
    return str(chart.render(is_unicode=True)).encode()


def _without_scripts(root: Any) -> Any:
    """pygal writes its settings into a script, even with none of its own asked for."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == "script":
                parent.remove(child)
    return root
