"""The default programme and what its twelve weeks teach, in our own words.

A clinician must approve this text before it is used with members; admins edit it under
/curriculum/, and what they write there is never overwritten.
"""

import datetime as dt
from typing import Any, NamedTuple


class Week(NamedTuple):
    module: str
    title: str
    skills: dict[str, str]  # what each is, in one plain sentence
    activities: dict[str, list[str]]  # by area of life


DEFAULT_SLUG = "dbt-skills-group"
# The first version holds for every cohort that there ever was.
FROM_THE_START = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
DEFAULT_PROGRAMME = {"name": "DBT skills group", "public_name": "12-week program"}

_MINDFULNESS = "mindfulness"
_DISTRESS = "distress-tolerance"
_EMOTION = "emotion-regulation"
_INTERPERSONAL = "interpersonal"

DEFAULT_WEEKS: tuple[Week, ...] = (
    Week(
        _MINDFULNESS,
        "Starting out, and noticing your state of mind",
        {
            "Wise mind": (
                "The calm place in you where what you feel and what you know come together, so "
                "that you can choose what is right for you."
            ),
            "States of mind": (
                "Noticing whether your feelings or your thoughts are steering you right now, or "
                "both of them together."
            ),
        },
        {
            "self-care": [
                "Choose what to wear by how the day will be, not by the mood of the morning"
            ],
            "home": [
                "Shop for food on a budget",
                "Name your state of mind before you open your mail",
            ],
            "work": ["Name your state of mind before you answer the first message of the day"],
            "rest": ["Ask before bed what your body needs, and do that one thing"],
            "leisure": [
                "Choose between two pleasant things without asking which one you ought to do"
            ],
            "people": ["Decide whether to accept an invitation"],
        },
    ),
    Week(
        _DISTRESS,
        "Getting through a hard minute",
        {
            "STOP": (
                "When you are about to act in the heat of the moment, stop, take one step back, "
                "look at what is going on in you and around you, and then go on with care."
            ),
            "TIP (ask your doctor first if you have a medical condition)": (
                "Calming your body fast with cold water on your face, a short burst of movement, "
                "or slow breathing; ask your doctor first if you have a heart problem or any "
                "other medical condition."
            ),
            "Pros and cons": (
                "Before you do what you feel pulled to do, you weigh what it would bring you and "
                "cost you, and what leaving it would."
            ),
        },
        {
            "self-care": ["Hold your hands under cool water when a feeling runs high"],
            "home": ["Stop for one breath when something in the kitchen goes wrong"],
            "work": ["Weigh up whether to skip work", "Pause before you answer a sharp message"],
            "rest": ["Breathe out longer than you breathe in, for two minutes in bed"],
            "leisure": ["Breathe at a slow, steady pace on the bus"],
            "people": ["Step into another room for a minute before you go on talking"],
        },
    ),
    Week(
        _DISTRESS,
        "Distracting and soothing yourself well",
        {
            "ACCEPTS": (
                "Ways to take your mind off it for a while: do something, help somebody, recall "
                "what you got through before, call up a different feeling, set it aside, fill "
                "your thoughts, or wake your senses."
            ),
            "Self-soothe": (
                "Being kind to yourself through your senses, with something good to look at, "
                "listen to, smell, taste or touch."
            ),
            "IMPROVE": (
                "Ways to make a hard moment easier to bear: picture a safe place, find some "
                "meaning, pray or hope, relax, do one thing at a time, take a short break, and "
                "encourage yourself."
            ),
        },
        {
            "self-care": ["Take a warm shower and follow it with all five senses"],
            "home": ["Sort one drawer", "Make a hot drink and notice it with all five senses"],
            "work": ["Put one kind thing for each sense on your desk or in your bag"],
            "rest": [
                "Make the bed or the sofa as comfortable as you can, and lie on it for ten minutes"
            ],
            "leisure": ["Do one thing at a time in a waiting room"],
            "people": [
                "Send somebody a short friendly message when your own thoughts go in circles"
            ],
        },
    ),
    Week(
        _DISTRESS,
        "Accepting what cannot be changed today",
        {
            "Radical acceptance": (
                "Letting what is real be real, with all of you, so that your strength goes into "
                "your life and not into fighting the facts; you do not have to like it."
            ),
            "Turning the mind": (
                "Choosing to accept, and gently choosing it again each time you notice that you "
                "are back to fighting what is."
            ),
            "Willingness": (
                "Doing just what the moment asks of you, as well as you can, even when you would "
                "rather dig in your heels or give up."
            ),
            "Half-smile": (
                "Relaxing your face and letting the corners of your mouth rise a little, so that "
                "your body helps you to accept this moment."
            ),
        },
        {
            "self-care": ["Brush your teeth with a half-smile"],
            "home": ["Do a chore that feels unfair", "Wash dishes for five minutes"],
            "work": ["Do one dull task as if you had chosen it"],
            "rest": ["Lie awake for a while without fighting it"],
            "leisure": ["Miss a bus and let it be missed"],
            "people": ["Stand in a line"],
        },
    ),
    Week(
        _MINDFULNESS,
        "Noticing and naming emotions",
        {
            "Observe": (
                "Just noticing what is there, in you and around you, before you put it into "
                "words, and without pushing it away or holding on to it."
            ),
            "Describe": (
                "Putting into words what you notice, only what you can see, hear or feel, and "
                "leaving out your guesses about what others think or mean."
            ),
            "Participate": (
                "Going all in with what you are doing right now, without watching or judging "
                "yourself while you do it."
            ),
            "Naming emotions": (
                "Finding the word that fits what you feel, because a feeling that has a name is "
                "easier to understand and to look after."
            ),
        },
        {
            "self-care": ["Name one emotion at each meal"],
            "home": ["Wash up with your attention on the water", "Make the bed"],
            "work": ["Describe in one sentence what you feel before a meeting or a class"],
            "rest": ["Notice three sounds before you fall asleep"],
            "leisure": ["Dance while you clean"],
            "people": ["Listen to somebody for five minutes with all your attention"],
        },
    ),
    Week(
        _EMOTION,
        "Checking whether the feeling fits",
        {
            "Check the facts": (
                "Asking yourself what really happened and what you added to it, to see whether "
                "your feeling, and how strong it is, fits the facts."
            ),
            "Opposite action": (
                "When a feeling does not fit the facts, or following it would not help you, you "
                "do the opposite of what it pulls you to do, and you do it all the way."
            ),
        },
        {
            "self-care": ["Get washed and dressed on a day when you want to stay in bed"],
            "home": ["Open one letter that you have put off"],
            "work": ["Look for the facts behind one worry about work or study"],
            "rest": [
                "Write down one thought that keeps you awake, and what speaks for and against it"
            ],
            "leisure": ["Go to the activity that you are tempted to cancel, for 20 minutes"],
            "people": [
                "Look again at a message that nobody answered",
                "Make one call that you have put off",
            ],
        },
    ),
    Week(
        _EMOTION,
        "Building days that hold you",
        {
            "Problem solving": (
                "When your feeling fits the facts, you work on what causes it: say what the "
                "problem is, think of several ways, choose one, try it, and see how it went."
            ),
            "Accumulate positives": (
                "Putting something pleasant into each day, and taking small steps toward what "
                "matters to you, so that good moments add up."
            ),
            "Build mastery": (
                "Doing one thing each day that is a little hard but that you can do, so that you "
                "feel more able."
            ),
            "Cope ahead": (
                "Picturing a hard situation before it comes, deciding which skills you will use, "
                "and going through it in your mind with yourself coping well."
            ),
        },
        {
            "self-care": ["Rehearse a visit to the dentist"],
            "home": ["Cook a dish that is new to you"],
            "work": ["Work out why Mondays start late"],
            "rest": ["Plan one real break into tomorrow"],
            "leisure": ["Give 15 minutes a day to something pleasant"],
            "people": ["Plan what you will say at a gathering that worries you"],
        },
    ),
    Week(
        _EMOTION,
        "Caring for the body, and riding a feeling out",
        {
            "PLEASE": (
                "Looking after your body so that feelings hit you less hard: treat illness, eat "
                "in balance, stay off alcohol and drugs that no doctor gave you, sleep enough, "
                "and move."
            ),
            "Riding the wave": (
                "Letting a feeling rise and fade like a wave, without pushing it away or making "
                "it bigger, and remembering that you are more than the feeling."
            ),
        },
        {
            "self-care": ["Set up a pillbox and a plan for three meals"],
            "home": ["Fold laundry while you are irritated"],
            "work": ["Eat lunch away from the screen"],
            "rest": ["Try the same bedtime routine for four evenings"],
            "leisure": ["Take a walk of ten minutes at a pace that suits your body"],
            "people": ["Let a wave of feeling rise and fall before you write back"],
        },
    ),
    Week(
        _MINDFULNESS,
        "Doing what works, one thing at a time",
        {
            "Non-judgmentally": (
                "Seeing what is there without calling it good or bad, and without blaming "
                "yourself when you notice that you judged."
            ),
            "One-mindfully": (
                "Doing one thing at a time with all your attention, and kindly coming back to it "
                "whenever your mind wanders."
            ),
            "Effectively": (
                "Doing what works to get you where you want to be, even when you would rather be "
                "right or it is not quite fair."
            ),
            "Clarifying priorities": (
                "Before you ask or say no, deciding what matters most to you this time: getting "
                "what you want, keeping the relationship, or keeping your self-respect."
            ),
        },
        {
            "self-care": [
                "Get ready at the mirror without judging",
                "Eat a meal without your phone",
            ],
            "home": ["Do one chore from start to end with nothing else on"],
            "work": ["Fill in a form by its rules"],
            "rest": ["Put the phone in another room for the last half hour of the day"],
            "leisure": ["Listen to one song and do nothing else"],
            "people": ["Plan one hard talk"],
        },
    ),
    Week(
        _INTERPERSONAL,
        "Asking for what you need",
        {
            "DEAR MAN": (
                "Asking for what you need: say what happened, how you feel, what you want, and "
                "what is good in it for them; stay on topic, look sure of yourself, and be ready "
                "to meet halfway."
            ),
        },
        {
            "self-care": ["Ask for an appointment at a time that suits you"],
            "home": ["Ask somebody at home to take over one task"],
            "work": ["Ask to swap a shift"],
            "rest": ["Ask for quiet at a time when you need it"],
            "leisure": ["Return something to a shop"],
            "people": ["Ask a friend for one small favor"],
        },
    ),
    Week(
        _INTERPERSONAL,
        "Keeping the relationship and your self-respect",
        {
            "GIVE": (
                "Taking care of a relationship while you talk: be gentle, show interest, let the "
                "other person know that you understand, and keep your manner easy."
            ),
            "Validation": (
                "Showing somebody that you understand what they feel and how it makes sense, "
                "even when you do not agree; you can do this for yourself too."
            ),
            "FAST": (
                "Keeping your self-respect: be fair to yourself and to others, do not apologize "
                "more than you need to, stick to your values, and tell the truth."
            ),
        },
        {
            "self-care": ["Speak to yourself the way you would to a friend, once a day"],
            "home": ["Listen to a housemate"],
            "work": ["Say in one sentence what you can take on, and what you cannot"],
            "rest": ["Say no to one plan because you need the evening"],
            "leisure": ["Invite somebody to something that you enjoy"],
            "people": ["Talk over dinner", "Decline to lend money"],
        },
    ),
    Week(
        _INTERPERSONAL,
        "How firmly to ask, and what comes next",
        {
            "How firmly to ask or refuse": (
                "Choosing how strongly to ask or to say no, anywhere from a gentle hint to "
                "holding your ground, by what fits the person, your rights and the moment."
            ),
            "Maintenance plan": (
                "Deciding which skills you want to keep, when you will use them, and what you "
                "will do when a hard time comes back."
            ),
        },
        {
            "self-care": ["Choose the one habit of these weeks that you want to keep"],
            "home": ["Agree on a chore schedule"],
            "work": ["Put two skills into next month's calendar"],
            "rest": ["Write down what a good night needs, and keep it by the bed"],
            "leisure": ["Plan one pleasant thing for each week of next month"],
            "people": ["Answer a sales call"],
        },
    ),
)


def seed(programmes: Any, curricula: Any, weeks: Any) -> Any:
    """Store the default programme unless it is there, and return it.

    Takes the three managers, because the models import this module.
    """
    programme, new = programmes.get_or_create(slug=DEFAULT_SLUG, defaults=DEFAULT_PROGRAMME)
    if new:
        seed_weeks(programme, curricula, weeks)
    return programme


def seed_weeks(programme: Any, curricula: Any, weeks: Any) -> None:
    """Give a programme its first version, with the text below."""
    first = curricula.create(programme=programme, version=1)
    weeks.bulk_create(
        weeks.model(
            curriculum=first,
            number=number,
            module=week.module,
            title=week.title,
            skills=list(week.skills),
            explained=week.skills,
            activities=week.activities,
        )
        for number, week in enumerate(DEFAULT_WEEKS, start=1)
    )
    # Last: nothing is written into a published version.
    first.published_at = FROM_THE_START
    first.save(update_fields=["published_at"])
