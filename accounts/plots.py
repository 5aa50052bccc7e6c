"""Plots as images: drawn on the server, in the site's colours, for a light and a dark page.

They hold no script, no font and no address, and are shown as <img>; the same facts stand in a
table beside them.
"""

import sys
from collections.abc import Sequence
from typing import Any

import pygal
from pygal.style import Style

# pygal hooks itself into every import of the process by a protocol that Python has given up:
# whoever asks the hooks for a module then meets an AttributeError.
sys.meta_path[:] = [one for one in sys.meta_path if type(one).__name__ != "PluginImportFixer"]

# As in static/css/tokens.css, which an image cannot read.
COLOURS: dict[str, dict[str, str]] = {
    "light": {
        "surface": "#fffdfa",
        "sunk": "#f3ece0",
        "ink": "#14343a",
        "ink-soft": "#365053",
        "line": "#e0d7c8",
        "mindfulness": "#3f7f78",
        "distress": "#b07a35",
        "emotion": "#5877a8",
        "people": "#8a6a9c",
        "edge": "#74837f",
    },
    "dark": {
        "surface": "#142629",
        "sunk": "#0a1618",
        "ink": "#f0eadf",
        "ink-soft": "#bcc8c4",
        "line": "#2a4145",
        "mindfulness": "#6fb8af",
        "distress": "#d6a45f",
        "emotion": "#8faddd",
        "people": "#bf9fd0",
        "edge": "#7c9391",
    },
}
CSS = ("file://style.css", "file://graph.css")  # pygal's own
SANS = "system-ui, sans-serif"
WIDTH, HEIGHT = 720, 400
NARROW = 360  # a phone's: drawn as wide as it is shown, so that the words stay readable
# In place of the site's policy: nothing in an image runs, and the style in it is its own.
ONLY_AN_IMAGE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"
}

# Whoever draws takes pygal from here, where its hook is gone.
__all__ = ["COLOURS", "CSS", "HEIGHT", "NARROW", "ONLY_AN_IMAGE", "WIDTH", "looks", "pygal", "svg"]


def looks(theme: str, bars: Sequence[str], *, narrow: bool) -> dict[str, Any]:
    """What every chart is made with; `bars` are names of colours, one for each series."""
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


def svg(chart: Any) -> bytes:
    chart.add_xml_filter(_without_scripts)
    return str(chart.render(is_unicode=True)).encode()


def _without_scripts(root: Any) -> Any:
    """pygal writes its settings into a script, even with none of its own asked for."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == "script":
                parent.remove(child)
    return root
