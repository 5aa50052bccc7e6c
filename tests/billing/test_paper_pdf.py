"""The PDF of a paper: its letters, its pages, and that it is the same each time."""

import dataclasses

import pypdfium2
import pytest

from accounts.pdf import drawable
from billing.papers.paper import Fact, Paper, Table
from billing.papers.pdf import draw
from tests.billing.papers import pdf_words

PAPER = Paper(
    kind="receipt",
    title="Receipt",
    issuer=(Fact("From", "Grouport"),),
    recipient=(Fact("For", "Özge Y\u0131ld\u0131r\u0131m-Łoñ O\u2019Neill"),),
    facts=(Fact("What", "12-week program"),),
    lines=Table(("When", "What happened", "Amount"), (("Oct 6", "Paid <b>&", "$299.00"),)),
    totals=(Fact("Stays paid", "$299.00"),),
    notes=("A note.",),
    number="R-2026-000001",
    issued_at="October 6, 2026",
)


def long(rows: int) -> Paper:
    return dataclasses.replace(PAPER, lines=Table(PAPER.lines.head, PAPER.lines.rows * rows))


def test_names_are_written_with_their_own_letters() -> None:
    words = pdf_words(draw(PAPER))
    assert "Y\u0131ld\u0131r\u0131m-Łoñ O\u2019Neill" in words
    assert "Paid <b>& $299.00" in words


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("ğ ł ñ é ü ø å ß", "ğ ł ñ é ü ø å ß"),
        ("e\u0301", "é"),  # two signs for one letter
        ("ąęśț", "aest"),
        ("\u201c\u2019\u2013\u201d", "\u201c\u2019\u2013\u201d"),
        ("\u042f\u043d 中", "?? ?"),
    ],
)
def test_a_letter_that_the_font_lacks_loses_its_accent_or_becomes_a_question_mark(
    written: str, drawn: str
) -> None:
    assert drawable(written) == drawn


def test_it_has_a_title_a_language_and_letter_pages() -> None:
    with pypdfium2.PdfDocument(draw(PAPER)) as document:
        about = document.get_metadata_dict()
        assert (about["Title"], about["Author"]) == ("Receipt R-2026-000001", "Grouport")
        assert document[0].get_size() == (612, 792)
    assert b"/Lang" in draw(PAPER)


def test_a_long_one_repeats_its_head_and_numbers_its_pages() -> None:
    words = pdf_words(draw(long(90)))
    assert words.count("What happened") == 3
    for page in (1, 2, 3):
        assert f"Page {page} of 3" in words
    assert words.count("Receipt R-2026-000001") == 3


def test_the_same_paper_is_the_same_file() -> None:
    assert draw(PAPER) == draw(PAPER)
