"""What must not stand in a mail to a group, found before anybody is asked to send it.

Pure. A help for somebody who means well, not a wall: it reads words, not what they mean. Each
finding is one sentence that quotes what was found and says what to do instead.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

# Longer quotes would hide what is said about them.
QUOTED = 60

# --- Names ------------------------------------------------------------------------------

# Names, and words beside names ("she/her"), that are ordinary words as well: they count only
# where they are written as a name: with a capital, within a sentence, and not as in "May 5". So
# do names of two letters.
ORDINARY = frozenset((
    "angel", "april", "art", "august", "autumn", "bill", "chance", "chase", "christian", "dawn",
    "dean", "dot", "drew", "eve", "faith", "frank", "gene", "grace", "guy", "hope", "hunter",
    "jack", "jay", "joy", "june", "mark", "max", "may", "miles", "page", "penny", "rain",
    "rich", "river", "rose", "sky", "star", "sue", "summer", "sunny", "will", "winter", "and",
    "for", "not", "the", "you", "your", "she", "her", "hers", "him", "his", "they", "them",
    "their", "theirs", "van", "von", "der", "den", "del", "dr", "mr", "mrs", "miss", "ms",
))  # fmt: skip
# What a message to a group cannot do without; whoever calls themselves so keeps nobody from it.
NEVER_NAMES = frozenset((
    "monday", "mondays", "tuesday", "tuesdays", "wednesday", "wednesdays", "thursday", "thursdays",
    "friday", "fridays", "saturday", "saturdays", "sunday", "sundays", "session", "sessions",
    "group", "groups", "week", "weeks", "today", "tomorrow", "please", "thank", "thanks", "hello",
    "welcome", "everybody", "everyone", "member", "members", "link", "time", "call", "are", "with",
))  # fmt: skip
# Anything but spaces, digits, ASCII's punctuation, and quotes and dashes beyond it: a letter may
# be followed by marks, which \w leaves out.
_WORD = re.compile(r"[^\s\d_!-/:-@\[-`{-~\u00ab\u00bb\u2010-\u2026]+")
_SENTENCE_ENDS = (".", "!", "?", ":", "\n")
_A_DAY = re.compile(r"\s+\d")


def _words(text: str) -> Iterator[re.Match[str]]:
    return _WORD.finditer(unicodedata.normalize("NFC", text))


def _parts(names: Iterable[str]) -> set[str]:
    parts = {word[0].casefold() for name in names for word in _words(name)}
    return {part for part in parts - NEVER_NAMES if len(part) > 1}  # an initial names nobody


def _written_as_a_name(word: re.Match[str]) -> bool:
    before = word.string[: word.start()].rstrip(' \t"([\u00ab\u2018\u201c')
    within = bool(before) and not before.endswith(_SENTENCE_ENDS)
    return not word[0][0].islower() and within and not _A_DAY.match(word.string, word.end())


def _named(body: str, names: Iterable[str], free_names: Iterable[str]) -> Iterator[tuple[str, str]]:
    parts = _parts(names) - _parts(free_names)
    for word in _words(body):
        part = word[0].casefold()
        ordinary = part in ORDINARY or len(part) < 3
        if part in parts and (not ordinary or _written_as_a_name(word)):
            yield word[0], "is the name of a member. Mails name nobody: leave it out."


def names_somebody(*, body: str, names: Iterable[str], free_names: Iterable[str]) -> bool:
    """Whether one of `names` stands in `body`, as `findings` says it."""
    return any(True for _ in _named(body, names, free_names))


# --- Links ------------------------------------------------------------------------------

# What ends an address that is written without https://. Listed, so that a missing space after
# a full stop is not taken for a link.
_ENDINGS = (
    "com|org|net|edu|gov|info|biz|app|dev|link|live|page|site|online|chat|video|health|care|zoom|"
    "us|io|co|me|ly|gl|gd|be|uk|ca|eu|de|fr|tv|fm|ai|to|si"
)
_LINK = re.compile(
    r"(?<![\w@.+-])(?:"
    r"[a-z][a-z0-9+.-]*://[^\s<>\"]+"
    r"|www\.[^\s<>\"]+"
    r"|(?:[a-z0-9][a-z0-9-]*\.)+(?:"
    rf"(?:{_ENDINGS})(?![\w@-])(?:[:/?#][^\s<>\"]*)?|[a-z]{{2,}}/[^\s<>\"]*)"
    r")",
    re.IGNORECASE,
)
_AFTER_A_LINK = ".,;:!?)]}'\u2019\u201d\u2026"


def _links(body: str, site: str) -> Iterator[tuple[str, str]]:
    own = urlsplit(site).netloc
    for found in _LINK.finditer(body):
        link = found[0].rstrip(_AFTER_A_LINK)
        if not _on_site(link, own):
            yield (
                link,
                "is a link. Members come in by their private link, and the meeting's address "
                "stays out of mail. Only links to this site may stand here.",
            )
        elif "/join/" in link:
            yield link, "is somebody's private link. Each member has their own: leave it out."


def _on_site(link: str, own: str) -> bool:
    try:
        parts = urlsplit(link if "://" in link else f"//{link}")
    except ValueError:  # such as brackets that are not closed
        return False
    return parts.scheme in ("", "http", "https") and parts.netloc.casefold() == own.casefold()


# --- Addresses and numbers --------------------------------------------------------------

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(
    r"(?<![\w.-])(?:"
    r"\+\d[\d\s().-]{6,}\d"
    r"|(?:1[\s.-]?)?(?:\(\d{3}\)|\d{3})[\s.-]?\d{3,4}[\s.-]?\d{4}"
    r"|\d{3}[.-]\d{4}"
    r"|\d{9,}"
    r")(?![\w-])"
)


def _addresses(body: str, own: str) -> Iterator[tuple[str, str]]:
    for found in _ADDRESS.finditer(body):
        address = found[0].rstrip(_AFTER_A_LINK)
        if address.casefold() != own.casefold():
            yield address, "is an email address. Replies go to the practice: leave it out."


def _numbers(body: str) -> Iterator[tuple[str, str]]:
    for found in _PHONE.finditer(body):
        yield (
            found[0],
            "looks like the number of a phone or a meeting. Leave it out: the numbers for an "
            "emergency stand at the foot of every mail.",
        )


# --- Words that a lock screen must not show ---------------------------------------------

_SAY_IT_THERE = "Keep it for the session."
_TELLING = (
    (r"dbt", "Write “your sessions”."),
    (r"therap\w*", "Write “your sessions”, or keep it for the session."),
    (r"self[\s-]?harm\w*|suicid\w*|overdos\w*",
     "If you are worried about somebody, call them; do not write."),
    (r"diagnos\w*", _SAY_IT_THERE),
    (r"disorders?", _SAY_IT_THERE),
    (r"medication\w*", _SAY_IT_THERE),
    (r"psychiatr\w*", _SAY_IT_THERE),
    (r"psycholog\w*", _SAY_IT_THERE),
    (r"mental(?:ly)? (?:health|ill\w*)", _SAY_IT_THERE),
    (r"trauma\w*", _SAY_IT_THERE),
    (r"borderline|bipolar", _SAY_IT_THERE),
)  # fmt: skip
_TELLING_WORDS = [
    (re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), instead) for pattern, instead in _TELLING
]


def _telling(body: str) -> Iterator[tuple[str, str]]:
    for pattern, instead in _TELLING_WORDS:
        for found in pattern.finditer(body):
            yield found[0], f"may show on a screen that others see. {instead}"


# --- All of them ------------------------------------------------------------------------


def findings(
    *, body: str, names: Iterable[str], free_names: Iterable[str], site: str, practice: str
) -> list[str]:
    """Everything in `body` that must not be mailed, each once; empty when it may go out.

    `names` are the members', `free_names` may stand there all the same; `site` is this site's
    address and `practice` the practice's, which may stand there too.
    """
    found = (
        *_named(body, names, free_names),
        *_links(body, site),
        *_addresses(body, practice),
        *_numbers(body),
        *_telling(body),
    )
    once = {quoted.casefold(): (quoted, advice) for quoted, advice in reversed(found)}
    return [f"“{_short(quoted)}” {advice}" for quoted, advice in reversed(once.values())]


def _short(quoted: str) -> str:
    return quoted if len(quoted) <= QUOTED else f"{quoted[: QUOTED - 1]}…"
