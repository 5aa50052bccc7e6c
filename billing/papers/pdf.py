"""A paper as PDF: US Letter, pages numbered, the table's head on each page."""

import functools
import io
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import inch
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from billing.papers.paper import Fact, Paper

FONT, BOLD = "Vera", "VeraBd"
MARGIN = 0.75 * inch
PADDING = 6  # that reportlab gives a page's frame on each side
WIDTH = LETTER[0] - 2 * MARGIN - 2 * PADDING
INK, SOFT, LINE = colors.HexColor("#14343a"), colors.HexColor("#365053"), colors.HexColor("#b9b3a8")
# Parts of the width, by the number of columns; others are even.
COLUMNS = {3: (0.42, 0.36, 0.22), 9: (0.13, 0.17, 0.06, 0.085, 0.075, 0.07, 0.095, 0.19, 0.125)}


def draw(paper: Paper) -> bytes:
    """The PDF's bytes: the same for the same paper, whenever it is drawn."""
    to = io.BytesIO()
    document = SimpleDocTemplate(
        to,
        pagesize=LETTER,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=f"{paper.title} {paper.number}",
        author=next((fact.words for fact in paper.issuer), ""),
        subject=paper.title,
        lang="en-US",
        displayDocTitle=True,
        invariant=True,
    )
    footer = f"{paper.title} {paper.number}"
    document.build(_story(paper), canvasmaker=functools.partial(_Numbered, footer=footer))
    return to.getvalue()


def _story(paper: Paper) -> list[Flowable]:
    issued = f"Number {paper.number}, issued {paper.issued_at}"
    if paper.replaces:
        issued += f". Replaces {paper.replaces}."
    story: list[Flowable] = [
        _words(paper.title, _style(18, bold=True, after=4)),
        _words(issued, _style(9, soft=True, after=14)),
        _side_by_side(paper.issuer, (*paper.recipient, *paper.facts)),
        Spacer(1, 14),
        _table(paper),
        Spacer(1, 8),
        *(
            _words(f"{label}: {words}", _style(10, bold=True, right=True))
            for label, words in paper.totals
        ),
        Spacer(1, 12),
    ]
    return story + [_words(note, _style(8.5, soft=True, after=5)) for note in paper.notes]


def _side_by_side(left: Sequence[Fact], right: Sequence[Fact]) -> Flowable:
    def column(facts: Sequence[Fact]) -> list[Flowable]:
        found: list[Flowable] = []
        for label, words in facts:
            found.append(_words(label, _style(8, soft=True)))
            found.append(_words(words, _style(9.5, after=5)))
        return found

    grid = Grid([[column(left), column(right)]], colWidths=[WIDTH / 2, WIDTH / 2])
    grid.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, -1), 0)])
    return grid


def _table(paper: Paper) -> Flowable:
    wide = paper.lines.wide
    size = 7.5 if wide else 9.5
    last = len(paper.lines.head) - 1

    def row(cells: Sequence[str], *, bold: bool) -> list[Flowable]:
        return [
            _words(cell, _style(size, bold=bold, right=place == last))
            for place, cell in enumerate(cells)
        ]

    rows = [row(paper.lines.head, bold=True)]
    rows += [row(cells, bold=False) for cells in paper.lines.rows]
    parts = COLUMNS.get(last + 1, (1 / (last + 1),) * (last + 1))
    grid = Grid(rows, colWidths=[WIDTH * part for part in parts], repeatRows=1)
    side = 2.5 if wide else 4
    grid.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 1, INK),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), side),
            ("RIGHTPADDING", (0, 0), (-1, -1), side),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
        ]
    )
    return grid


def _style(
    size: float, *, bold: bool = False, soft: bool = False, right: bool = False, after: float = 0
) -> ParagraphStyle:
    _load_fonts()
    return ParagraphStyle(
        "words",
        fontName=BOLD if bold else FONT,
        fontSize=size,
        leading=size * 1.35,
        textColor=SOFT if soft else INK,
        alignment=TA_RIGHT if right else 0,
        spaceAfter=after,
    )


def _words(text: str, style: ParagraphStyle) -> Flowable:
    return Paragraph(escape(drawable(text)), style)


def drawable(text: str) -> str:
    """With each letter that the font lacks as the letter under its accent, or as a question mark.

    The font has the letters of Western, Northern and Central Europe and of Turkish; Polish ą
    becomes a. The page shows every name as it is written.
    """
    return "".join(map(_glyph, unicodedata.normalize("NFC", text)))


def _glyph(sign: str) -> str:
    known = _load_fonts()
    if ord(sign) in known:
        return sign
    base = [part for part in unicodedata.normalize("NFKD", sign) if ord(part) in known]
    return "".join(base) or "?"


@functools.cache
def _load_fonts() -> frozenset[int]:
    """The signs that can be drawn. The fonts come with reportlab, whatever the machine has."""
    folder = Path(reportlab.__file__).parent / "fonts"
    fonts = [TTFont(name, folder / f"{name}.ttf") for name in (FONT, BOLD)]
    for font in fonts:
        pdfmetrics.registerFont(font)
    return frozenset(fonts[0].face.charToGlyph) & frozenset(fonts[1].face.charToGlyph)


class _Numbered(Canvas):  # type: ignore[misc]  # reportlab is untyped
    """Writes "Page 1 of 2" when it knows how many there are."""

    def __init__(self, *args: Any, footer: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.footer = footer
        self.pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802  reportlab's name
        self.pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for place, page in enumerate(self.pages, start=1):
            self.__dict__.update(page)
            self.setFont(FONT, 8)
            self.setFillColor(SOFT)
            self.drawString(MARGIN + PADDING, MARGIN / 2, drawable(self.footer))
            self.drawRightString(
                LETTER[0] - MARGIN - PADDING, MARGIN / 2, f"Page {place} of {len(self.pages)}"
            )
            super().showPage()
        super().save()
