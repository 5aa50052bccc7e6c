"""What is found in a message before it may be mailed, and what is left alone."""

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from enrollment.message_checks import NEVER_NAMES, ORDINARY, findings

SITE = "https://grouport.example"
PRACTICE = "help@grouport.example"
NAMES = ("Samira Okafor (she/her)", "Jo", "May Field", "Will", "José", "李雷", "K.")
LEADERS = ("Luis Ortega, LMFT",)


def found(body: str, names: tuple[str, ...] = NAMES, free: tuple[str, ...] = LEADERS) -> list[str]:
    """What is quoted, in the order in which it is said."""
    said = findings(body=body, names=names, free_names=free, site=SITE, practice=PRACTICE)
    return [words[1:].partition("”")[0] for words in said]


# --- Names ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        ("Thank you, Samira.", ["Samira"]),
        ("SAMIRA's idea, and okafor", ["SAMIRA", "okafor"]),
        ("samira, Samira and SAMIRA", ["samira"]),
        ("Samir and Samiras", []),
        ("We miss Jo. We go on, joking: jo!", ["Jo"]),
        ("I will. Will you? In May, or on May 5; may I?", ["May"]),
        ("I asked Will", ["Will"]),
        ("Let her and the others go first. She knows. They do.", []),
        ("Jose\u0301 comes", ["José"]),
        ("Today 李雷 comes", ["李雷"]),
        ("Vitamin K. is fine", []),
        ("Luis and Ortega lead", []),
    ],
)
def test_names_of_members_are_found_as_whole_words(body: str, quoted: list[str]) -> None:
    assert found(body) == quoted


def test_nobody_keeps_a_group_from_writing_by_what_they_call_themselves() -> None:
    names = ("Sam (Monday group)", "Please call me Sammy", "The Session")
    assert found("Please come on Monday: the session is early.", names=names) == []
    assert found("Please, Sammy, bring a pen", names=names) == ["Sammy"]


def test_who_leads_may_share_a_name_with_a_member() -> None:
    assert found("Yours, Luis", names=("Luis Vega", "Vega")) == []
    assert found("Yours, Vega", names=("Luis Vega",)) == ["Vega"]


LETTERS = st.text(alphabet=string.ascii_letters, min_size=4, max_size=12)
PLAIN = ("we", "meet", "as", "usual", "see", "you", "then")
PROSE = st.lists(st.sampled_from(PLAIN), max_size=8).map(" ".join)


@given(name=LETTERS, before=PROSE, after=PROSE, change=st.sampled_from([str.upper, str.lower, str]))
@example(name="Anna", before="", after="", change=str)
def test_a_name_is_found_wherever_it_stands_and_however_it_is_written(
    name: str, before: str, after: str, change: type[str]
) -> None:
    written = change(name)
    assume(name.casefold() not in {*PLAIN, *ORDINARY, *NEVER_NAMES})
    body = f"{before} {written}. {after}"
    quoted = found(body, names=(name,))
    # A few names are words that must not stand there anyway.
    assert [one.casefold() for one in quoted if one.casefold() == name.casefold()] == [
        name.casefold()
    ]


# --- Links ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "https://zoom.us/j/5550199",
        "http://grouport.example.evil.com/",
        "https://grouport.example@evil.com/",
        "HTTPS://MEET.GOOGLE.COM/abc",
        "zoommtg://zoom.us/join?confno=1",
        "https://[broken",
        "www.somewhere",
        "zoom.us/j/5550199?pwd=x",
        "Zoom.us",
        "meet.jit.si/room",
        "example.com",
        "sub.example.co/x",
        "other.grouport.example.com",
        "meet.example/room",
    ],
)
def test_every_link_that_leaves_the_site_is_found(link: str) -> None:
    for body in (link, f"Come to {link}.", f"({link}) is it", f"Here:\n{link}\nsee you"):
        assert any(link.startswith(quoted.rstrip("…")) for quoted in found(body)), body


@pytest.mark.parametrize(
    "body",
    [
        "https://grouport.example/my/",
        "https://grouport.example/groups/tuesdays/ is the page.",
        "See https://grouport.example.",
        "See you tomorrow.We start at 6 p.m. as usual, e.g. with tea, i.e. not coffee.",
        "At 6:00-7:00, on 10/06/2026 or 2026-10-06, 3.5 minutes, 50%.",
        "Bring a pen...and paper",
    ],
)
def test_what_is_no_link_and_what_leads_to_the_site_may_stand(body: str) -> None:
    assert found(body) == []


def test_a_members_private_link_is_found_though_it_is_the_sites_own() -> None:
    link = "https://grouport.example/join/XBLsDuYLRKcKtYgv/"
    (words,) = findings(body=link, names=(), free_names=(), site=SITE, practice=PRACTICE)
    assert words == (
        f"“{link}” is somebody's private link. Each member has their own: leave it out."
    )


HOSTS = st.from_regex(r"\A[a-z]{3,10}\.(com|us|org|link)\Z")


@given(host=HOSTS, path=st.sampled_from(["", "/", "/j/1?x=y", ":8000/a"]), before=PROSE)
def test_no_address_of_another_host_passes(host: str, path: str, before: str) -> None:
    assert found(f"{before} {host}{path}", names=()) != []
    assert found(f"{before} https://{host}{path}", names=()) != []


# --- Addresses and numbers --------------------------------------------------------------


@pytest.mark.parametrize("address", ["sam@example.org", "s.o+x@mail.example.co.uk", "A@B.US"])
def test_an_address_is_found(address: str) -> None:
    assert found(f"Write to {address}.") == [address]


def test_the_practices_own_address_may_stand() -> None:
    assert found(f"Write to {PRACTICE}, or {PRACTICE.upper()}.") == []


@pytest.mark.parametrize(
    "number",
    [
        "(212) 555-0134", "212 555 0134", "212.555.0134", "2125550134", "1-800-273-8255",
        "+44 20 7946 0958", "+1 (212) 555-0134", "555-0134", "812 3456 7890", "81234567890",
    ],
)  # fmt: skip
def test_the_number_of_a_phone_or_a_meeting_is_found(number: str) -> None:
    assert found(f"Call {number}, or not") == [number]


@pytest.mark.parametrize(
    "body", ["988", "call 911", "text 741741", "12 weeks, 60 minutes, 18:00", "2026-10-06", "1/2"]
)
def test_other_numbers_are_left_alone(body: str) -> None:
    assert found(body) == []


# --- Words for a screen that others see -------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [
        "DBT", "dbt", "therapy", "Therapist", "therapeutic", "diagnosis", "diagnosed", "disorder",
        "disorders", "suicide", "suicidal", "self-harm", "self harm", "selfharming", "overdose",
        "medication", "psychiatrist", "psychologist", "mental health", "mentally ill", "trauma",
        "bipolar", "borderline",
    ],
)  # fmt: skip
def test_a_word_that_tells_too_much_is_found(word: str) -> None:
    for body in (word, f"About your {word}, then.", f"“{word}”"):
        assert found(body) == [word]


def test_a_finding_says_what_to_write_instead() -> None:
    said = findings(body="DBT", names=(), free_names=(), site=SITE, practice=PRACTICE)
    assert said == ["“DBT” may show on a screen that others see. Write “your sessions”."]


# --- All together -----------------------------------------------------------------------


def test_everything_is_said_at_once_and_each_thing_once() -> None:
    body = "Samira's DBT therapist: zoom.us/j/1, sam@example.org, 212 555 0134. samira, dbt"
    assert found(body) == [
        "Samira",
        "zoom.us/j/1",
        "sam@example.org",
        "212 555 0134",
        "DBT",
        "therapist",
    ]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Hello all,\n\nwe start ten minutes later on Tuesday. Bring the sheet from week 3.\n\nLuis",
        "No session on November 24. We go on December 1 at 6:00 PM Eastern.",
        "Please be patient; the treatment of the floor takes until 5 p.m.",
    ],
)
def test_an_ordinary_note_may_go_out(body: str) -> None:
    assert found(body) == []


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_any_text_gets_an_answer(body: str, names: list[str]) -> None:
    assert all(one for one in found(body, names=tuple(names)))


@pytest.mark.parametrize("piece", ["a.", "a-", "1 ", "a@", "(", "+1", "http://", "self "])
def test_a_long_text_of_one_piece_takes_no_time_to_speak_of(piece: str) -> None:
    found(piece * (2000 // len(piece)))  # the test's own time limit is the measure


def test_a_long_quote_is_cut() -> None:
    (quoted,) = found("https://evil.com/" + "x" * 500)
    assert len(quoted) == 60
    assert quoted.endswith("…")
