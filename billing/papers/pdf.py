"""A paper as PDF: US Letter, pages numbered, the table's head on each page."""

from collections.abc import Sequence

from reportlab.platypus import Flowable, Spacer
from reportlab.platypus import Table as Grid

from accounts.pdf import INK, LINE, WIDTH, build, line, style
from billing.papers.paper import Fact, Paper

# Parts of the width, by the number of columns; others are even.
COLUMNS = {3: (0.42, 0.36, 0.22), 9: (0.13, 0.17, 0.06, 0.085, 0.075, 0.07, 0.095, 0.19, 0.125)}


def draw(paper: Paper) -> bytes:
    """The PDF's bytes: the same for the same paper, whenever it is drawn."""
    name = f"{paper.title} {paper.number}"
    author = next((fact.words for fact in paper.issuer), "")
    return build(_story(paper), title=name, author=author, subject=paper.title, footer=name)


def _story(paper: Paper) -> list[Flowable]:
    issued = f"Number {paper.number}, issued {paper.issued_at}"
    if paper.replaces:
        issued += f". Replaces {paper.replaces}."
    story: list[Flowable] = [
        line(paper.title, style(18, bold=True, after=4)),
        line(issued, style(9, soft=True, after=14)),
        _side_by_side(paper.issuer, (*paper.recipient, *paper.facts)),
        Spacer(1, 14),
        _table(paper),
        Spacer(1, 8),
        *(
            line(f"{label}: {words}", style(10, bold=True, right=True))
            for label, words in paper.totals
        ),
        Spacer(1, 12),
    ]
    return story + [line(note, style(8.5, soft=True, after=5)) for note in paper.notes]


def _side_by_side(left: Sequence[Fact], right: Sequence[Fact]) -> Flowable:
    def column(facts: Sequence[Fact]) -> list[Flowable]:
        found: list[Flowable] = []
        for label, words in facts:
            found.append(line(label, style(8, soft=True)))
            found.append(line(words, style(9.5, after=5)))
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
            line(cell, style(size, bold=bold, right=place == last))
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
