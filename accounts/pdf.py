"""Documents as PDF: US Letter, the site's inks, a font with the letters of most of Europe's names,
pages that are numbered at their foot.
"""

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
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

FONT, BOLD = "Vera", "VeraBd"
MARGIN = 0.75 * inch
PADDING = 6  # that reportlab gives a page's frame on each side
WIDTH = LETTER[0] - 2 * MARGIN - 2 * PADDING
INK, SOFT, LINE = colors.HexColor("#14343a"), colors.HexColor("#365053"), colors.HexColor("#b9b3a8")


def build(
    story: Sequence[Flowable], *, title: str, author: str, subject: str, footer: str
) -> bytes:
    """The PDF's bytes: the same for the same story, whenever it is drawn."""
    to = io.BytesIO()
    document = SimpleDocTemplate(
        to,
        pagesize=LETTER,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        author=author,
        subject=subject,
        lang="en-US",
        displayDocTitle=True,
        invariant=True,
    )
    document.build(list(story), canvasmaker=functools.partial(_Numbered, footer=footer))
    return to.getvalue()


def style(
    size: float, *, bold: bool = False, soft: bool = False, right: bool = False, after: float = 0
) -> ParagraphStyle:
    load_fonts()
    return ParagraphStyle(
        "words",
        fontName=BOLD if bold else FONT,
        fontSize=size,
        leading=size * 1.35,
        textColor=SOFT if soft else INK,
        alignment=TA_RIGHT if right else 0,
        spaceAfter=after,
    )


def line(text: str, look: ParagraphStyle) -> Flowable:
    return Paragraph(escape(drawable(text)), look)


def drawable(text: str) -> str:
    """With each letter that the font lacks as the letter under its accent, or as a question mark.

    The font has the letters of Western, Northern and Central Europe and of Turkish; Polish ą
    becomes a. The page shows every name as it is written.
    """
    return "".join(map(_glyph, unicodedata.normalize("NFC", text)))


def _glyph(sign: str) -> str:
    known = load_fonts()
    if ord(sign) in known:
        return sign
    base = [part for part in unicodedata.normalize("NFKD", sign) if ord(part) in known]
    return "".join(base) or "?"


@functools.cache
def load_fonts() -> frozenset[int]:
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
