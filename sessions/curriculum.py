"""The default programme and what its twelve weeks teach, in our own words.

A clinician must approve this text before it is used with members; staff edit it in the
admin, and what they write there is never overwritten.
"""

from typing import Any, NamedTuple


class Week(NamedTuple):
    module: str
    title: str
    skills: tuple[str, ...]
    activities: tuple[str, ...]


DEFAULT_SLUG = "dbt-skills-group"
DEFAULT_PROGRAMME = {"name": "DBT skills group", "public_name": "12-week program"}

_MINDFULNESS = "mindfulness"
_DISTRESS = "distress-tolerance"
_EMOTION = "emotion-regulation"
_INTERPERSONAL = "interpersonal"

DEFAULT_WEEKS: tuple[Week, ...] = (
    Week(
        _MINDFULNESS,
        "Starting out, and noticing your state of mind",
        ("Wise mind", "States of mind"),
        (
            "Shop for food on a budget",
            "Decide whether to accept an invitation",
            "Name your state of mind before you open your mail",
        ),
    ),
    Week(
        _DISTRESS,
        "Getting through a hard minute",
        ("STOP", "TIP (ask your doctor first if you have a medical condition)", "Pros and cons"),
        (
            "Pause before you answer a sharp message",
            "Breathe at a slow, steady pace on the bus",
            "Weigh up whether to skip work",
        ),
    ),
    Week(
        _DISTRESS,
        "Distracting and soothing yourself well",
        ("ACCEPTS", "Self-soothe", "IMPROVE"),
        (
            "Sort one drawer",
            "Make a hot drink and notice it with all five senses",
            "Do one thing at a time in a waiting room",
        ),
    ),
    Week(
        _DISTRESS,
        "Accepting what cannot be changed today",
        ("Radical acceptance", "Turning the mind", "Willingness", "Half-smile"),
        (
            "Miss a bus and let it be missed",
            "Do a chore that feels unfair",
            "Wash dishes for five minutes",
            "Stand in a line",
        ),
    ),
    Week(
        _MINDFULNESS,
        "Noticing and naming emotions",
        ("Observe", "Describe", "Participate", "Naming emotions"),
        (
            "Wash up with your attention on the water",
            "Make the bed",
            "Dance while you clean",
            "Name one emotion at each meal",
        ),
    ),
    Week(
        _EMOTION,
        "Checking whether the feeling fits",
        ("Check the facts", "Opposite action"),
        ("Look again at a message that nobody answered", "Make one call that you have put off"),
    ),
    Week(
        _EMOTION,
        "Building days that hold you",
        ("Problem solving", "Accumulate positives", "Build mastery", "Cope ahead"),
        (
            "Work out why Mondays start late",
            "Give 15 minutes a day to something pleasant",
            "Cook a dish that is new to you",
            "Rehearse a visit to the dentist",
        ),
    ),
    Week(
        _EMOTION,
        "Caring for the body, and riding a feeling out",
        ("PLEASE", "Riding the wave"),
        (
            "Set up a pillbox, a meal plan and a bedtime routine",
            "Fold laundry while you are irritated",
        ),
    ),
    Week(
        _MINDFULNESS,
        "Doing what works, one thing at a time",
        ("Non-judgementally", "One-mindfully", "Effectively", "Clarifying priorities"),
        (
            "Get ready at the mirror without judging",
            "Eat a meal without your phone",
            "Fill in a form by its rules",
            "Plan one hard talk",
        ),
    ),
    Week(
        _INTERPERSONAL,
        "Asking for what you need",
        ("DEAR MAN",),
        ("Ask to swap a shift", "Return something to a shop"),
    ),
    Week(
        _INTERPERSONAL,
        "Keeping the relationship and your self-respect",
        ("GIVE", "Validation", "FAST"),
        ("Talk over dinner", "Listen to a housemate", "Decline to lend money"),
    ),
    Week(
        _INTERPERSONAL,
        "How firmly to ask, and what comes next",
        ("How firmly to ask or refuse", "Maintenance plan"),
        (
            "Agree on a chore schedule",
            "Answer a sales call",
            "Put two skills into next month's calendar",
        ),
    ),
)


def seed(programmes: Any, weeks: Any) -> Any:
    """Store the default programme unless it is there, and return it.

    Takes the two managers, so that a migration can pass the models of its own moment.
    """
    programme, new = programmes.get_or_create(slug=DEFAULT_SLUG, defaults=DEFAULT_PROGRAMME)
    if new:
        weeks.bulk_create(
            weeks.model(
                programme=programme,
                number=number,
                module=week.module,
                title=week.title,
                skills=list(week.skills),
                activities=list(week.activities),
            )
            for number, week in enumerate(DEFAULT_WEEKS, start=1)
        )
    return programme
