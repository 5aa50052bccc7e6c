"""Pictures as a list of shapes, and the same shapes as an SVG image or in a PDF.

Colours are the names of `accounts/plots.py`; an image takes them light or dark, paper is light.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree

from reportlab.graphics import shapes as on_paper
from reportlab.lib.colors import Color, HexColor
from reportlab.platypus import Flowable

from accounts.pdf import BOLD, FONT, drawable, load_fonts
from accounts.plots import COLOURS, SANS

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Text:
    x: float
    y: float  # of the line on which the letters stand
    words: str
    size: float = 13
    colour: str = "ink"
    bold: bool = False
    anchor: Anchor = "start"


@dataclass(frozen=True, slots=True)
class Line:
    points: Sequence[tuple[float, float]]
    colour: str = "line"
    width: float = 1


@dataclass(frozen=True, slots=True)
class Circle:
    x: float
    y: float
    radius: float
    fill: str = ""
    edge: str = ""
    width: float = 2


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float
    fill: str = ""
    edge: str = ""
    round: float = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """A closed one, with corners."""

    points: Sequence[tuple[float, float]]
    fill: str


Part = Text | Line | Circle | Box | Shape


@dataclass(slots=True)
class Picture:
    """`words` say what it shows; y grows downwards."""

    width: float
    height: float
    words: str
    parts: list[Part] = field(default_factory=list)

    def add(self, *parts: Part) -> None:
        self.parts += parts


# --- As an image ------------------------------------------------------------------------


def svg(picture: Picture, *, theme: str) -> bytes:
    """Without script, style sheet, font or address. What people wrote in it is only text."""
    colours = {"": "none", **COLOURS[theme]}
    size = {"width": f"{picture.width:g}", "height": f"{picture.height:g}"}
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {picture.width:g} {picture.height:g}",
            "font-family": SANS,
            "role": "img",
            **size,
        },
    )
    ElementTree.SubElement(root, "title").text = _storable(picture.words)
    ElementTree.SubElement(root, "rect", {**size, "fill": colours["surface"]})
    for part in picture.parts:
        _draw(root, part, colours)
    return ElementTree.tostring(root)


def _draw(root: ElementTree.Element, part: Part, colours: dict[str, str]) -> None:
    match part:
        case Text():
            element = ElementTree.SubElement(
                root,
                "text",
                {
                    "x": f"{part.x:g}",
                    "y": f"{part.y:g}",
                    "font-size": f"{part.size:g}",
                    "font-weight": "600" if part.bold else "400",
                    "text-anchor": part.anchor,
                    "fill": colours[part.colour],
                },
            )
            element.text = _storable(part.words)
        case Line():
            look = {"stroke": colours[part.colour], "stroke-width": f"{part.width:g}"}
            ends = {"fill": "none", "stroke-linecap": "round", "stroke-linejoin": "round"}
            points = {"points": _points(part.points)}
            ElementTree.SubElement(root, "polyline", {**points, **look, **ends})
        case Circle():
            centre = {"cx": f"{part.x:g}", "cy": f"{part.y:g}", "r": f"{part.radius:g}"}
            edge = {"stroke": colours[part.edge], "stroke-width": f"{part.width:g}"}
            ElementTree.SubElement(root, "circle", {**centre, **edge, "fill": colours[part.fill]})
        case Box():
            place = {"x": f"{part.x:g}", "y": f"{part.y:g}", "rx": f"{part.round:g}"}
            extent = {"width": f"{part.width:g}", "height": f"{part.height:g}"}
            look = {"fill": colours[part.fill], "stroke": colours[part.edge]}
            ElementTree.SubElement(root, "rect", {**place, **extent, **look})
        case Shape():
            look = {"points": _points(part.points), "fill": colours[part.fill]}
            ElementTree.SubElement(root, "polygon", look)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _storable(text: str) -> str:
    """XML has no word for most control characters."""
    return "".join(sign for sign in text if sign >= " " and sign not in "\ufffe\uffff")


# --- In a PDF ---------------------------------------------------------------------------


def flowable(picture: Picture, *, width: float) -> Flowable:
    """The same picture, so wide in points, for a page of reportlab's, whose y grows upwards."""
    load_fonts()
    hues = {name: HexColor(hue) for name, hue in COLOURS["light"].items()}
    colours: dict[str, Color | None] = {"": None, **hues, "surface": HexColor("#ffffff")}
    scale = width / picture.width
    drawing = on_paper.Drawing(width, picture.height * scale)
    drawing.scale(scale, scale)
    for part in picture.parts:
        drawing.add(_on_paper(part, picture.height, colours))
    return drawing


def _on_paper(part: Part, height: float, colours: dict[str, Color | None]) -> on_paper.Shape:
    match part:
        case Text():
            return on_paper.String(
                part.x,
                height - part.y,
                drawable(part.words),
                fontName=BOLD if part.bold else FONT,
                # The font of the papers is wider than those of the screens.
                fontSize=part.size * 0.88,
                fillColor=colours[part.colour],
                textAnchor=part.anchor,
            )
        case Line():
            return on_paper.PolyLine(
                [at for x, y in part.points for at in (x, height - y)],
                strokeColor=colours[part.colour],
                strokeWidth=part.width,
                strokeLineCap=1,
            )
        case Circle():
            return on_paper.Circle(
                part.x,
                height - part.y,
                part.radius,
                fillColor=colours[part.fill],
                strokeColor=colours[part.edge],
                strokeWidth=part.width,
            )
        case Box():
            return on_paper.Rect(
                part.x,
                height - part.y - part.height,
                part.width,
                part.height,
                rx=part.round,
                ry=part.round,
                fillColor=colours[part.fill],
                strokeColor=colours[part.edge],
            )
        case Shape():
            return on_paper.Polygon(
                [at for x, y in part.points for at in (x, height - y)],
                fillColor=colours[part.fill],
                strokeColor=None,
            )
