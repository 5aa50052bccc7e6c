"""People in the United States read the site: its words are spelt as they spell them."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from sessions.curriculum import DEFAULT_WEEKS

TEMPLATES = sorted(
    path for path in Path(settings.BASE_DIR, "templates").rglob("*") if path.suffix != ".svg"
)
INSTRUCTIONS = re.compile(r"\{% comment %\}.*?\{% endcomment %\}|\{[%#{].*?[%#}]\}", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
# What is read or heard within a tag.
HEARD = re.compile(r'(?:alt|aria-label|title|placeholder|data-label)="([^"]*)"')
BRITISH = re.compile(
    r"\b\w*(?:practis|judgement|favour|behaviour|colour|neighbour|honour|recognis|organis|apologis"
    r"|realis(?:e|ing)|programme|centre\b|licence|fulfil\b|learnt|whilst|travelling)\w*",
    re.IGNORECASE,
)


def read_in(template: str) -> str:
    shown = INSTRUCTIONS.sub(" ", template)
    return " ".join([*HEARD.findall(shown), TAG.sub(" ", shown)])


def british(text: str) -> list[str]:
    return BRITISH.findall(text)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("<h1>Who practised</h1>", ["practised"]),
        ('<img alt="In colour">', ["colour"]),
        ('<p class="colour">{{ line.practised }}{# colour #}</p>', []),
        ("{% if programme %}Non-judgmentally practiced{% endif %}", []),
    ],
)
def test_only_what_is_read_is_looked_at(written: str, found: list[str]) -> None:
    assert british(read_in(written)) == found


def test_pages_and_mails_are_spelt_as_their_readers_spell() -> None:
    found = {str(path): british(read_in(path.read_text())) for path in TEMPLATES if path.is_file()}
    assert len(found) > 100
    assert {path: words for path, words in found.items() if words} == {}


def test_the_curriculum_is_spelt_as_its_readers_spell() -> None:
    for week in DEFAULT_WEEKS:
        texts = [text for texts in week.activities.values() for text in texts]
        assert british(" ".join([week.title, *week.skills, *week.skills.values(), *texts])) == []
