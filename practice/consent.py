"""What a member agrees to when they share their practice. Change a text, and change its version.

The version stays with each signature (`Share.terms_version`), and earlier texts stay here, so that
what somebody signed can be read again.
"""

from dataclasses import dataclass

from practice.models import Part


@dataclass(frozen=True, slots=True)
class PartWords:
    """One part: what it is called, what is shown of it, and what is not."""

    name: str
    shows: str
    hides: str


@dataclass(frozen=True, slots=True)
class Consent:
    version: int
    text: tuple[str, ...]
    always: tuple[str, ...]
    never: tuple[str, ...]
    parts: dict[Part, PartWords]
    # The same, as whoever sees it reads it.
    for_reader: dict[Part, PartWords]


_FIRST = Consent(
    version=1,
    text=(
        "I want this person to see the parts that I chose, until the day that I chose.",
        "I can stop it at any moment and need no reason. From that moment on nothing opens for "
        "them any more. What they have read or kept by then, they know.",
        "They sign in with an account of their own and a second step. Each time they open a part, "
        "I see here what it was and when.",
        "They may write to my plan, suggest something, and rate my goals with me. My plan changes "
        "only when I say yes. They may keep a copy of these parts in their own records.",
        "If I share the same part with two people, each sees the other\u2019s name and role as I "
        "wrote them, what the other suggested, and which goals they work on with me.",
        "Sharing is my choice. My place in the group does not depend on it.",
    ),
    always=(
        "your name, as you sign it, and until when you share",
        "the number and the title of each week of your group",
    ),
    never=(
        "your notes in the diary",
        "your look at the areas of your life",
        "your answers from before the group, your payments, your messages",
        "who else is in your group",
    ),
    parts={
        Part.PLAN: PartWords(
            "Your weekly plan",
            "For each week until today: the skill, what you chose to do, when and where, how you "
            "make it easier, how sure you are, how it went, and what was suggested.",
            "Weeks that have not begun.",
        ),
        Part.DIARY: PartWords(
            "A summary of your diary",
            "For each week: on how many days you noted something, which skills you tried and how "
            "often, and how strong the emotion was before and after, on average.",
            "Your notes, what you did, and the single days.",
        ),
        Part.GOALS: PartWords(
            "Your goals",
            "Your goals of now, their five steps, how far you were in weeks 1, 4, 8 and 12, and "
            "what is written beside a rating.",
            "Goals that you have ended.",
        ),
        Part.ATTENDANCE: PartWords(
            "Which sessions you came to",
            "For each session of your group until today: whether you came, as it was noted.",
            "Why you could not come.",
        ),
    },
    for_reader={
        Part.PLAN: PartWords(
            "The weekly plan",
            "For each week until today: the skill, what they chose to do, when and where, how they "
            "make it easier, how sure they are, how it went, and what was suggested.",
            "Weeks that have not begun.",
        ),
        Part.DIARY: PartWords(
            "A summary of the diary",
            "For each week: on how many days they noted something, which skills they tried and how "
            "often, and how strong the emotion was before and after, on average.",
            "Their notes, what they did, and the single days.",
        ),
        Part.GOALS: PartWords(
            "Their goals",
            "Their goals of now, the five steps, how far they were in weeks 1, 4, 8 and 12, and "
            "what is written beside a rating.",
            "Goals that they have ended.",
        ),
        Part.ATTENDANCE: PartWords(
            "Which sessions they came to",
            "For each session of their group until today: whether they came, as it was noted.",
            "Why they could not come.",
        ),
    },
)

CONSENTS: dict[int, Consent] = {_FIRST.version: _FIRST}
CURRENT = _FIRST


def signed(version: int) -> Consent:
    """The text that stood there when somebody signed."""
    return CONSENTS[version]


def part_words(parts: list[str], version: int = CURRENT.version) -> list[PartWords]:
    """In the order of the text, whatever the order of the choice."""
    words = CONSENTS[version].parts
    return [words[part] for part in words if part in parts]


def reader_words(parts: list[str], version: int) -> list[PartWords]:
    """What was signed, for whoever sees it."""
    words = CONSENTS[version].for_reader
    return [words[part] for part in words if part in parts]


def hidden_parts(parts: list[str], version: int = CURRENT.version) -> list[PartWords]:
    words = CONSENTS[version].parts
    return [words[part] for part in words if part not in parts]
