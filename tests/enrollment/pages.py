"""Reading a page as a person does: its words, without its marks."""

import html
import re
from typing import Any


def said(response: Any) -> str:
    """What the page says in its main part, on one line."""
    page = response.content.decode()
    main = re.search(r"<main\b.*?</main>", page, re.DOTALL)
    assert main
    words = re.sub(r"<[^>]+>", " ", main[0])
    return re.sub(r"\s+([.,])", r"\1", " ".join(html.unescape(words).split()))
