"""The progress page, its pictures as images, and the summary to print."""

import html
import re
from xml.etree import ElementTree

import pypdfium2
import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.plots import COLOURS, NARROW, WIDTH
from enrollment.models import Enrollment
from practice.drawing import Circle, Text, flowable, svg
from practice.goals import Aim
from practice.own import practice_of
from practice.paper import draw
from practice.pictures import PICTURES, keys
from practice.summary import Summary, summary_of
from tests.billing.papers import pdf_words
from tests.practice.builders import a_practising_member
from tests.practice.lived import (
    COOK,
    IN_WEEK,
    a_card,
    a_goal,
    a_plan,
    rates,
    twelve_weeks,
)

pytestmark = pytest.mark.django_db

WIDTHS = (NARROW, WIDTH)
NAUGHTY = "<script>alert(1)</script>&\u2019\0\x1b\ud7ff"


def read(seat: Enrollment, week: int = 12) -> Summary:
    return summary_of(practice_of(enrollment=seat, now=IN_WEEK[week]))


def at(name: str, seat: Enrollment, *args: object) -> str:
    return reverse(f"practice:{name}", args=[seat.public_id, *args])


def signed_in(seat: Enrollment) -> Client:
    client = Client()
    client.force_login(seat.member)
    return client


def texts(image: bytes) -> list[str]:
    root = ElementTree.fromstring(image)  # noqa: S314  our own
    return [one.text or "" for one in root.iter("{http://www.w3.org/2000/svg}text")]


# --- The page -----------------------------------------------------------------------------


def test_before_anything_is_there_the_page_says_what_will_be() -> None:
    seat = a_practising_member()
    with time_machine.travel(IN_WEEK[1], tick=False):
        words = signed_in(seat).get(at("progress", seat)).content.decode()
    assert "There is nothing to draw yet" in words
    assert "<img" not in words
    assert "From week 4 on" in words


def test_each_picture_has_its_sentence_and_its_table() -> None:
    seat = twelve_weeks()
    with time_machine.travel(IN_WEEK[12], tick=False):
        words = html.unescape(signed_in(seat).get(at("progress", seat)).content.decode())
    summary = read(seat)
    for name, picture in PICTURES.items():
        said = picture(summary).words
        assert f'{name}-light.svg" alt="{said}"' in words
        assert f"{name}-dark.svg?narrow=1" in words
    assert words.count("<table") == 4
    for fact in (
        "At week 12 your 2 goals together come to 62.",
        "50 means what you expected.",
        "Much less than expected",
        "Not said",
        ">7.2<",
    ):
        assert fact in words
    assert words.count("Until week") == 3


def test_parts_without_facts_say_so_instead_of_an_empty_picture() -> None:
    seat = a_practising_member()
    a_plan(seat, 1)
    with time_machine.travel(IN_WEEK[1], tick=False):
        words = signed_in(seat).get(at("progress", seat)).content.decode()
    assert words.count("<img") == 1
    assert "No goal has been looked at yet." in words
    assert "No day says yet how strong" in words
    assert "No skill has been noted in a part of your days yet." in words


@pytest.mark.parametrize("name", ["progress", "picture", "progress_paper"])
def test_it_asks_the_same_with_one_week_and_with_twelve(name: str) -> None:
    asked = []
    for weeks in (4, 12) if name == "progress_paper" else (1, 12):
        seat = twelve_weeks(weeks=weeks)
        args = {"picture": ("goals", "dark"), "progress_paper": (4,)}.get(name, ())
        with time_machine.travel(IN_WEEK[weeks], tick=False):
            client = signed_in(seat)
            with CaptureQueriesContext(connection) as captured:
                assert client.get(at(name, seat, *args)).status_code == 200
        asked.append(len(captured))
    assert asked[0] == asked[1] <= 8


# --- The images ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_is_a_private_image_that_asks_nobody_for_anything(name: str, theme: str) -> None:
    seat = twelve_weeks(weeks=4)
    with time_machine.travel(IN_WEEK[4], tick=False):
        reply = signed_in(seat).get(at("picture", seat, name, theme), {"narrow": "1"})
    assert (reply.status_code, reply["Content-Type"]) == (200, "image/svg+xml")
    assert reply["Content-Security-Policy"].startswith("default-src 'none'")
    assert {"no-store", "private"} <= set(reply["Cache-Control"].split(", "))
    root = ElementTree.fromstring(reply.content)  # noqa: S314  our own
    assert root.get("viewBox", "").startswith(f"0 0 {NARROW} ")
    tags = {one.tag.rpartition("}")[2] for one in root.iter()}
    assert tags <= {"svg", "title", "rect", "text", "polyline", "circle", "polygon"}
    outside = set(re.findall(r"https?://[^\s\"'<]+", reply.content.decode()))
    assert outside == {"http://www.w3.org/2000/svg"}
    assert COLOURS[theme]["surface"] in reply.content.decode()


@pytest.mark.parametrize("path", ["emotion-blue", "people-dark", "emotion"])
def test_there_is_no_other_picture(path: str) -> None:
    seat = a_practising_member()
    with time_machine.travel(IN_WEEK[1], tick=False):
        reply = signed_in(seat).get(f"{at('progress', seat)}{path}.svg")
    assert reply.status_code == 404


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_drawn_outside_of_a_picture(name: str, width: int) -> None:
    seat = twelve_weeks()
    for day in (3, 80, 104):
        a_card(seat, day, skills=[f"A skill with a long name, number {day}"])
    picture = PICTURES[name](read(seat), width=width)
    for part in picture.parts:
        match part:
            case Text():
                # About as wide as the letters of a wide font are.
                wide = len(part.words) * part.size * 0.52
                left = {"start": part.x, "middle": part.x - wide / 2, "end": part.x - wide}
                assert left[part.anchor] >= 0, part
                assert left[part.anchor] + wide <= picture.width, part
                assert 0 < part.y < picture.height, part
            case Circle():
                assert part.radius <= part.x <= picture.width - part.radius
                assert part.radius <= part.y <= picture.height - part.radius


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("weeks", [0, 1])
def test_pictures_of_nothing_or_of_little_are_drawn(name: str, weeks: int) -> None:
    seat = twelve_weeks(weeks=weeks) if weeks else a_practising_member()
    for width in WIDTHS:
        ElementTree.fromstring(svg(PICTURES[name](read(seat, 1), width=width), theme="dark"))  # noqa: S314


def test_what_people_wrote_is_only_text() -> None:
    seat = a_practising_member()
    a_plan(seat, 1, skill=NAUGHTY)
    a_card(seat, 0, skills=[NAUGHTY])
    rates(a_goal(seat, Aim(title=NAUGHTY, levels=COOK.levels)), 1, 0)
    for name, picture in PICTURES.items():
        image = svg(picture(read(seat, 1)), theme="light")
        assert b"<script" not in image
        root = ElementTree.fromstring(image)  # noqa: S314  our own
        assert "<script>" in "".join(root.itertext()), name


def test_marks_stand_beside_each_other_only_where_they_meet() -> None:
    seat = a_practising_member()
    for title, later in zip("ABC", (0, 1, -1), strict=True):
        goal = a_goal(seat, Aim(title=title, levels=COOK.levels))
        rates(goal, 1, 0)
        rates(goal, 4, later)
    picture = PICTURES["goals"](read(seat))
    together, alone = (part for part in picture.parts if isinstance(part, Circle))
    expected = next(part for part in picture.parts if isinstance(part, Text) and part.bold)
    assert together.y < expected.y - 8  # the others are a square and a diamond
    assert alone.y == expected.y - 4  # on its line


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_drawn_stands_out_from_its_ground(theme: str) -> None:
    def brightness(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    def contrast(one: str, other: str) -> float:
        dark, light = sorted((brightness(one), brightness(other)))
        return (light + 0.05) / (dark + 0.05)

    hues = COLOURS[theme]
    for name in ("mindfulness", "people", "distress", "emotion", "edge"):
        assert contrast(hues[name], hues["surface"]) >= 3
    assert contrast(hues["mindfulness"], hues["sunk"]) >= 3
    for ink in ("ink", "ink-soft"):
        assert contrast(hues[ink], hues["surface"]) >= 7
        assert contrast(hues[ink], hues["sunk"]) >= 7
    # The number in a dot.
    assert contrast(hues["surface"], hues["mindfulness"]) >= 4.5


# --- The summary to print -----------------------------------------------------------------


def test_it_is_there_from_its_week_on() -> None:
    seat = twelve_weeks()
    found = {}
    for now in (3, 4, 11, 12):
        with time_machine.travel(IN_WEEK[now], tick=False):
            client = signed_in(seat)
            found[now] = [
                client.get(f"{at('progress', seat)}week-{week}.pdf").status_code
                for week in (0, 1, 4, 8, 12, 13)
            ]
    assert found == {
        3: [404, 404, 302, 302, 302, 404],
        4: [404, 404, 200, 302, 302, 404],
        11: [404, 404, 200, 200, 302, 404],
        12: [404, 404, 200, 200, 200, 404],
    }


def test_it_is_a_private_file_with_a_neutral_name() -> None:
    seat = twelve_weeks(weeks=4)
    with time_machine.travel(IN_WEEK[4], tick=False):
        reply = signed_in(seat).get(at("progress_paper", seat, 4))
    assert reply["Content-Type"] == "application/pdf"
    assert reply["Content-Disposition"] == 'attachment; filename="week-4.pdf"'
    assert {"no-store", "private"} <= set(reply["Cache-Control"].split(", "))


def test_it_says_what_the_page_says_and_no_note() -> None:
    seat = twelve_weeks()
    a_card(seat, 3, note="Kanarienvogel")
    goal = a_goal(seat, COOK)
    rates(goal, 12, 1, note="Kanarienvogel")
    practice = practice_of(enrollment=seat, now=IN_WEEK[12])
    content = draw(practice=practice, summary=read(seat), week=12)
    words = pdf_words(content)
    for said in (
        "Your practice, weeks 1 to 12",
        "As of Wednesday, December 23, 2026.",
        "Radical acceptance, Activity 4",
        "How strong the emotion was, before and after",
        "Where each skill was lived",
        "At week 4 your 3 goals together come to 45.",
        "50 means what you expected.",
        "call or text 988",
        "Made from what you planned and noted. Your notes are not in it.",
        "Page 1 of 4",
    ):
        assert said in words, said
    assert "Kanarienvogel" not in words
    assert "?" not in words  # each letter and mark is in its font


def test_until_week_4_it_holds_nothing_of_week_5() -> None:
    seat = twelve_weeks()
    practice = practice_of(enrollment=seat, now=IN_WEEK[12])
    words = pdf_words(draw(practice=practice, summary=read(seat).until(4), week=4))
    assert "Your practice, weeks 1 to 4" in words
    assert "Radical acceptance" in words
    assert "Naming emotions" not in words
    assert "Activity 5" not in words


def test_drawn_as_a_picture_it_fills_its_pages_with_ink_and_colour() -> None:
    """Of each page, as somebody sees it: some of it is drawn on, and nothing over its edge."""
    seat = twelve_weeks()
    practice = practice_of(enrollment=seat, now=IN_WEEK[12])
    content = draw(practice=practice, summary=read(seat), week=12)
    hue = COLOURS["light"]["mindfulness"]
    green = tuple(int(hue[at : at + 2], 16) for at in (1, 3, 5))
    coloured = []
    with pypdfium2.PdfDocument(content) as document:
        assert len(document) == 4
        for page in document:
            image = page.render(scale=1).to_pil().convert("RGB")
            assert image.size == (612, 792)
            flat = image.tobytes()
            pixels = [tuple(flat[at : at + 3]) for at in range(0, len(flat), 3)]
            inked = [at for at, pixel in enumerate(pixels) if sum(pixel) < 600]
            across = [at % 612 for at in inked]
            assert 0.005 < len(inked) / (612 * 792) < 0.25
            assert min(across) >= 50
            assert max(across) <= 612 - 50
            coloured.append(green in pixels)
    assert coloured == [True] * 4


def test_long_words_and_many_rows_still_make_a_paper() -> None:
    seat = a_practising_member()
    for week in range(1, 13):
        a_plan(seat, week, skill="W" * 200, activity="x y " * 250)
    for day in range(84):
        a_card(seat, day, skills=[f"Skill {day} " + "\u4e2d" * 60, NAUGHTY])
    for _ in range(3):
        rates(a_goal(seat, Aim(title="W" * 150, levels=COOK.levels)), 1, 0)
    practice = practice_of(enrollment=seat, now=IN_WEEK[12])
    content = draw(practice=practice, summary=read(seat), week=12)
    with pypdfium2.PdfDocument(content) as document:
        assert 6 < len(document) < 30


def test_an_empty_summary_is_a_paper_too() -> None:
    seat = a_practising_member()
    practice = practice_of(enrollment=seat, now=IN_WEEK[4])
    words = pdf_words(draw(practice=practice, summary=read(seat, 4).until(4), week=4))
    assert "Your weeks" in words
    assert "Your goals" not in words
    assert flowable(keys([], width=100), width=100) is not None


def test_somebody_elses_progress_does_not_exist() -> None:
    seat, other = twelve_weeks(weeks=4), a_practising_member()
    with time_machine.travel(IN_WEEK[4], tick=False):
        client = signed_in(other)
        for path in (
            at("progress", seat),
            at("picture", seat, "goals", "dark"),
            at("progress_paper", seat, 4),
        ):
            assert client.get(path).status_code == 404
            assert client.post(path).status_code in (404, 405)
