"""Reading a page as a person does: its words, without its marks."""

import html
import re
from typing import Any


def said(response: Any) -> str:
    """What the page says in its main part, on one line."""
    page = response.content.decode()
    main = re.search(r"<main\b.*?</main>", page, re.DOTALL)
    assert main
    return words_of(main[0])


def words_of(part: str) -> str:
    """A part of a page without its marks, on one line."""
    words = re.sub(r"<[^>]+>", " ", part)
    return re.sub(r"\s+([.,])", r"\1", " ".join(html.unescape(words).split()))
