"""Words that people type and others read: what cannot be seen says nothing, or hides something.

A name of zero-width characters is no name, and one that turns the direction of writing around
reads as another.
"""

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# Control, format, lone surrogate, and the separators of lines and paragraphs.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Some scripts and many emoji are written with these two between their letters.
_JOINERS = "\u200c\u200d"
# Blank by their shape, whatever Unicode calls them: Hangul fillers, an empty Braille cell.
_BLANK = "\u115f\u1160\u3164\uffa0\u2800"


def seen(text: str) -> str:
    """One line of the text without what cannot be seen; empty when nothing can."""
    line = " ".join(text.split())
    kept = "".join(
        letter
        for letter in line
        if letter in _JOINERS or unicodedata.category(letter) not in _UNSEEN
    ).strip(" " + _JOINERS)
    return kept if kept.strip(" " + _JOINERS + _BLANK) else ""


def harmless(cell: str) -> str:
    """A text for a spreadsheet, which takes one that begins with one of these for a formula, in
    their wide form too, and perhaps after something that cannot be seen."""
    begins = unicodedata.normalize("NFKC", seen(cell)[:1])
    runs = begins in ("=", "+", "-", "@") or cell.startswith(("\t", "\r"))
    return f"'{cell}" if runs else cell


def validate_seen(text: str) -> None:
    if not seen(text):
        raise ValidationError("There is nothing to read in this yet.", code="required")


class NameField(forms.CharField):
    """What somebody or something is called, without characters that cannot be seen.

    Nobody types a NUL, so the field's own validator refuses it.
    """

    def to_python(self, value: Any) -> Any:
        text: str = super().to_python(value) or ""
        return text if "\0" in text else seen(text)
