"""The diary: a card for a day, saved in any way and from anywhere, is one entry."""

import datetime as dt
import re
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from enrollment.models import Enrollment
from practice import care, diary
from practice.diary import Card
from practice.models import DiaryEntry, WeekPlan
from practice.own import own_practice
from practice.summary import summary_of
from tests.enrollment.builders import FIRST_SESSION, HOUR, MINUTE, a_confirmed_seat
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = pytest.mark.django_db

TODAY = dt.date(2026, 10, 14)
DAY = dt.timedelta(days=1)
SECOND_SESSION = FIRST_SESSION + 7 * DAY
HTMX = {"HX-Request": "true"}
TYPED: dict[str, Any] = {
    "skills": ["STOP"],
    "activity": "cooking",
    "before": "7",
    "after": "0",
    "note": "It rained.",
}
CARD = Card(skills=("STOP",), activity="cooking", before=7, after=0, note="It rained.")


@pytest.fixture
def seat() -> Enrollment:
    return a_practising_member()


@pytest.fixture
def own(client: Client, seat: Enrollment) -> Client:
    client.force_login(seat.member)
    return client


@pytest.fixture(autouse=True)
def in_week_2() -> Any:
    with time_machine.travel(IN_WEEK_2, tick=False) as clock:
        yield clock


def path(seat: Enrollment, day: dt.date | str = TODAY) -> str:
    return f"{reverse('practice:diary', args=[seat.public_id])}{day}/"


def said(response: Any) -> str:
    return " ".join(response.content.decode().split())


def shown(response: Any, name: str) -> str:
    """The value of a hidden field, as the page would send it."""
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', response.content.decode())
    assert found
    return found[1]


class APage:
    """A day that somebody has open: what it sends when it saves, and what it learns from that."""

    def __init__(self, client: Client, seat: Enrollment, day: dt.date = TODAY) -> None:
        self.client, self.at = client, path(seat, day)
        opened = client.get(self.at)
        self.page = shown(opened, "page")
        self.learn(opened)

    def learn(self, response: Any) -> None:
        self.revision = shown(response, "revision")

    def save(self, *, by_itself: bool = False, **typed: Any) -> Any:
        fields = {"revision": self.revision, "page": self.page, **typed}
        if by_itself:
            response = self.client.post(self.at, fields, headers=HTMX)
            if 'name="revision"' in said(response):
                self.learn(response)
            return response
        return self.client.post(self.at, {"save": "1", **fields})


def entry(seat: Enrollment) -> DiaryEntry:
    return DiaryEntry.objects.get(enrollment=seat)


def card(seat: Enrollment) -> Card:
    return Card.load(entry(seat).content)


# --- The value ------------------------------------------------------------------------------


def test_a_card_is_read_as_it_was_written() -> None:
    assert Card.load(CARD.dump()) == CARD
    assert Card.load(Card().dump()) == Card()


def test_a_card_of_another_version_is_read_as_far_as_it_goes() -> None:
    assert Card.load({"skills": ["STOP"], "weather": "rain"}) == Card(skills=("STOP",))
    odd = {"skills": None, "activity": None, "before": 11, "after": "7", "note": None}
    assert Card.load(odd) == Card()


# --- A day ----------------------------------------------------------------------------------


def test_a_day_is_saved_and_shown_again(own: Client, seat: Enrollment) -> None:
    response = APage(own, seat).save(**TYPED)
    assert (response.status_code, response["Location"]) == (302, path(seat))
    assert card(seat) == CARD
    page = said(own.get(path(seat)))
    assert 'value="cooking"' in page
    assert "It rained.</textarea>" in page
    assert "Saved 12:00 PM Eastern" in page
    assert re.search(r'name="before" value="7"[^>]* checked', page)
    assert re.search(r'name="after" value="0"[^>]* checked', page)


def test_nothing_has_to_be_filled_in(own: Client, seat: Enrollment) -> None:
    APage(own, seat).save(note="Only this.")
    assert card(seat) == Card(note="Only this.")


def test_a_strength_can_be_taken_back(own: Client, seat: Enrollment) -> None:
    APage(own, seat).save(**TYPED)
    APage(own, seat).save(**{**TYPED, "before": "", "after": ""})
    assert (card(seat).before, card(seat).after) == (None, None)


def test_skills_of_the_week_come_first_and_earlier_ones_are_folded(
    own: Client, seat: Enrollment
) -> None:
    page = said(own.get(path(seat)))
    before, _, after = page.partition("Skills of earlier weeks")
    assert 'value="STOP"' in before
    assert 'value="Wise mind"' in after
    assert 'value="Radical acceptance"' not in page  # not taught yet
    assert '<details class="fold">' in before
    first = said(own.get(path(seat, "2026-10-07")))
    assert 'value="Wise mind"' in first
    assert 'value="STOP"' not in first


def test_earlier_skills_are_open_when_one_of_them_is_ticked(own: Client, seat: Enrollment) -> None:
    APage(own, seat).save(skills=["Wise mind"])
    assert '<details class="fold" open>' in said(own.get(path(seat)))


def test_a_skill_that_left_the_text_stays_on_the_card(own: Client, seat: Enrollment) -> None:
    DiaryEntry.objects.create(
        enrollment=seat,
        day=TODAY,
        content=Card(skills=("a former skill",)).dump(),
        saved_at=IN_WEEK_2,
    )
    page = APage(own, seat)
    assert 'value="a former skill"' in said(own.get(path(seat)))
    page.save(skills=["a former skill", "STOP"])
    assert card(seat).skills == ("a former skill", "STOP")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"note": "x" * 2001}, "The note has 2001 characters; 2,000 fit."),
        ({"activity": "x" * 1001}, "has 1001 characters; 1,000 fit."),
        ({"note": "a\0b"}, "Take out the character that cannot be stored"),
        ({"skills": ["flying"]}, "Choose"),
        ({"before": "11"}, "Choose one of those that are listed."),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_typed_is_lost(
    own: Client, seat: Enrollment, typed: dict[str, Any], words: str
) -> None:
    response = APage(own, seat).save(**{**TYPED, **typed})
    assert response.status_code == 422
    assert words in said(response)
    assert 'value="7" id="id_before_8" checked' in said(response) or "before" in typed
    assert typed.get("activity", "cooking") in said(response)
    assert not DiaryEntry.objects.exists()
    by_itself = APage(own, seat).save(by_itself=True, **{**TYPED, **typed})
    assert by_itself.status_code == 422
    assert words in said(by_itself)


def test_a_note_of_two_thousand_characters_fits_with_its_lines(
    own: Client, seat: Enrollment
) -> None:
    lines = "\r\n".join(["x" * 99] * 20)
    APage(own, seat).save(note=lines + "x")
    assert card(seat).note == lines.replace("\r\n", "\n") + "x"


def test_the_browser_does_not_cut_off_what_is_pasted(own: Client, seat: Enrollment) -> None:
    assert "maxlength" not in said(own.get(path(seat)))


@pytest.mark.parametrize(
    ("day", "status"),
    [
        ("2026-10-05", 404),  # before the first session
        ("2026-10-06", 200),
        ("2026-10-14", 200),
        ("2026-10-15", 404),  # tomorrow
        ("2026-02-30", 404),
        ("9999-12-31", 404),
        ("0000-01-01", 404),
        ("today", 404),
    ],
)
def test_only_days_until_today_since_the_first_session_are_there(
    own: Client, seat: Enrollment, day: str, status: int
) -> None:
    assert own.get(path(seat, day)).status_code == status
    assert own.post(path(seat, day), {"note": "x"}).status_code in (404, 302)
    assert DiaryEntry.objects.count() == (status == 200)


def test_somebody_elses_day_is_none(client: Client, seat: Enrollment) -> None:
    client.force_login(a_confirmed_seat().member)
    assert client.get(path(seat)).status_code == 404
    assert client.post(path(seat), TYPED).status_code == 404
    assert client.post(path(seat), TYPED, headers=HTMX).status_code == 404
    assert client.get(reverse("practice:diary", args=[seat.public_id])).status_code == 404
    assert not DiaryEntry.objects.exists()


def test_today_is_the_members_own(own: Client, seat: Enrollment) -> None:
    seat.member.time_zone = "Pacific/Auckland"
    seat.member.save()
    assert own.get(path(seat, "2026-10-15")).status_code == 200


MORNING = {**TYPED, "skills": ["Wise mind"]}  # the only skill that is known by then


def lists(own: Client, seat: Enrollment, day: dt.date) -> list[int]:
    """In which weeks' lists a card stands."""
    weeks = own.get(path(seat, "")[:-1]).context["weeks"]
    assert all(one.days for one in weeks)
    return [one.week.number for one in weeks if any(d.card for d in one.days if d.date == day)]


def counts(seat: Enrollment) -> list[int]:
    """In which weeks the only card counts, for a practitioner and for the member."""
    now = timezone.now()
    practice = own_practice(member=seat.member, public_id=seat.public_id, now=now)
    counted = [one.week.number for one in care.diary_weeks(practice=practice) if one.days]
    assert counted == [one.number for one in summary_of(practice).weeks if one.days]
    return counted


@pytest.mark.parametrize(
    ("saved_at", "week"),
    [(SECOND_SESSION - 6 * HOUR, 1), (SECOND_SESSION + 2 * HOUR, 2), (SECOND_SESSION + 3 * DAY, 2)],
    ids=["in the morning", "in the evening after it", "days later"],
)
def test_a_card_of_the_day_of_a_session_is_listed_in_the_week_that_counts_it(
    own: Client, seat: Enrollment, in_week_2: Any, saved_at: dt.datetime, week: int
) -> None:
    day = TODAY - DAY
    in_week_2.move_to(saved_at)
    own.post(path(seat, day), MORNING)
    for now in (saved_at, SECOND_SESSION + HOUR, SECOND_SESSION + 4 * DAY):
        if now < saved_at:
            continue
        in_week_2.move_to(now)
        assert (lists(own, seat, day), counts(seat)) == ([week], [week])
        assert f'kicker">Week {week}<' in said(own.get(path(seat, day)))
    shown = own.get(reverse("practice:hub", args=[seat.public_id])).context["diary_days"]
    assert (day in [one.date for one in shown]) is (week == 2)


def test_on_the_evening_of_a_session_the_mornings_card_is_at_hand_and_moves_when_it_is_changed(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    day, hub = TODAY - DAY, reverse("practice:hub", args=[seat.public_id])
    in_week_2.move_to(SECOND_SESSION - 6 * HOUR)
    own.post(path(seat, day), MORNING)
    in_week_2.move_to(SECOND_SESSION + 2 * HOUR)
    assert [(one.date, one.noted) for one in own.get(hub).context["diary_days"]] == [(day, True)]
    opened = own.get(path(seat, day))
    assert next(one.choice_label for one in opened.context["form"].own_skills) == "STOP"
    own.post(path(seat, day), {**MORNING, "note": "More", "revision": shown(opened, "revision")})
    assert (lists(own, seat, day), counts(seat)) == ([2], [2])


def test_on_the_day_of_a_session_the_diary_is_open_before_it_too(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    in_week_2.move_to(FIRST_SESSION + dt.timedelta(weeks=1) - HOUR)
    before = said(own.get(path(seat, "2026-10-13")))
    assert 'value="Wise mind"' in before
    assert 'value="STOP"' not in before
    assert 'href="' + path(seat, "2026-10-13") in said(
        own.get(reverse("practice:hub", args=[seat.public_id]))
    )
    in_week_2.shift(2 * HOUR)
    assert 'value="STOP"' in said(own.get(path(seat, "2026-10-13")))


def test_a_day_that_is_in_no_week_in_another_zone_is_still_listed_and_opens(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    first_evening = dt.date(2026, 10, 6)
    APage(own, seat, first_evening).save(note="The first evening.")
    type(seat.member).objects.filter(pk=seat.member_id).update(time_zone="Pacific/Kiritimati")
    page = APage(own, seat, first_evening)
    assert f'href="{path(seat, first_evening)}"' in said(
        own.get(reverse("practice:diary", args=[seat.public_id]))
    )
    page.save(by_itself=True, note="The first evening, told anew.")
    assert card(seat) == Card(note="The first evening, told anew.")
    # Emptied, it is as little a day of the diary as the one before it.
    page.save(save="1")
    for day in (first_evening, first_evening - DAY):
        assert own.get(path(seat, day)).status_code == 404


def test_nobody_asks_for_ratings_of_harm(own: Client, seat: Enrollment) -> None:
    page = said(own.get(path(seat))).lower()
    main = page[page.index("<main") : page.index("</main")]
    assert not re.search(r"suicid|self-harm|urge|hurt", main)
    assert "nobody reads your diary as you write it. in an emergency call" in main


def test_an_emptied_card_is_a_blank_day(own: Client, seat: Enrollment) -> None:
    APage(own, seat).save(**TYPED)
    page = APage(own, seat)
    response = page.save()
    assert not DiaryEntry.objects.exists()
    assert "This day is blank again. That is fine" in said(own.get(response["Location"]))


def test_a_card_that_says_nothing_is_no_entry(own: Client, seat: Enrollment) -> None:
    assert APage(own, seat).save(note="  ").status_code == 302
    assert APage(own, seat).save(by_itself=True, note="  ").status_code == 200
    assert not DiaryEntry.objects.exists()


# --- The plan -------------------------------------------------------------------------------


def a_plan(seat: Enrollment, week: int = 2, **content: Any) -> WeekPlan:
    return WeekPlan.objects.create(enrollment=seat, week=week, content=content, saved_at=IN_WEEK_2)


def test_the_planned_activity_is_there_to_be_taken(own: Client, seat: Enrollment) -> None:
    a_plan(seat, skill="STOP", activity="making soup", when="Tuesday")
    assert "As planned: making soup" in said(own.get(path(seat)))
    APage(own, seat).save(planned="1", note="Warm.")
    assert card(seat) == Card(activity="making soup", note="Warm.")
    assert "As planned" not in said(own.get(path(seat)))


def test_the_plan_takes_nothing_of_what_was_typed(own: Client, seat: Enrollment) -> None:
    a_plan(seat, activity="making soup")
    APage(own, seat).save(planned="1", activity="the bus")
    assert card(seat).activity == "the bus"


def test_enter_in_a_field_saves_and_takes_no_plan(own: Client, seat: Enrollment) -> None:
    """Enter presses the first button of a form."""
    a_plan(seat, activity="making soup")
    form = said(own.get(path(seat))).partition('id="card"')[2]
    assert re.findall(r'<button[^>]* name="(\w+)"', form)[:2] == ["save", "planned"]


@pytest.mark.parametrize("content", [{}, {"activity": None}, {"activity": 3}])
def test_an_odd_plan_is_no_plan(own: Client, seat: Enrollment, content: dict[str, Any]) -> None:
    a_plan(seat, **content)
    assert "As planned" not in said(own.get(path(seat)))


def test_a_plan_of_another_week_or_a_skipped_one_is_not_offered(
    own: Client, seat: Enrollment
) -> None:
    a_plan(seat, week=1, activity="making soup")
    plan = a_plan(seat, week=2, activity="the dishes")
    plan.skipped = True
    plan.save()
    assert "As planned" not in said(own.get(path(seat)))


# --- Saved twice ----------------------------------------------------------------------------


def test_a_double_tap_is_one_entry_and_says_nothing(own: Client, seat: Enrollment) -> None:
    page = APage(own, seat)
    page.save(**TYPED)
    page.save(**TYPED)
    assert (entry(seat).revision, entry(seat).replaced) == (1, None)
    assert "elsewhere" not in said(own.get(path(seat)))


def test_two_devices_with_the_same_words_say_nothing(own: Client, seat: Enrollment) -> None:
    phone, laptop = APage(own, seat), APage(own, seat)
    phone.save(**TYPED)
    laptop.save(**TYPED)
    assert entry(seat).replaced is None


def test_of_two_devices_the_later_wins_and_the_member_is_told(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    phone, laptop = APage(own, seat), APage(own, seat)
    phone.save(**TYPED)
    in_week_2.shift(2 * MINUTE)
    laptop.save(note="From the laptop.")
    assert DiaryEntry.objects.count() == 1
    assert card(seat) == Card(note="From the laptop.")
    page = said(own.get(path(seat)))
    assert "You had saved this day elsewhere too" in page
    assert '<span class="nowrap">12:00 PM Eastern</span>' in page
    assert "<dd>It rained.</dd>" in page
    assert "Saved 12:02 PM Eastern" in page


def test_the_day_of_the_other_version_is_named_when_it_is_not_today(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    phone, laptop = APage(own, seat), APage(own, seat)
    phone.save(**TYPED)
    in_week_2.shift(DAY)
    laptop.save(note="From the laptop.")
    assert "Wednesday, October 14, <span" in said(own.get(path(seat)))


def test_a_page_that_saves_by_itself_names_the_other_version_until_it_is_decided(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    phone, laptop = APage(own, seat), APage(own, seat)
    phone.save(**TYPED)
    in_week_2.shift(MINUTE)
    first = said(laptop.save(by_itself=True, note="From"))
    assert 'Saved 12:01 PM Eastern. <a href="#card-replaced">' in first
    assert "<dd>It rained.</dd>" in first
    in_week_2.shift(MINUTE)
    second = said(laptop.save(by_itself=True, note="From the laptop."))
    assert 'Saved 12:02 PM Eastern. <a href="#card-replaced">' in second
    assert "<dd>It rained.</dd>" in second
    assert card(seat) == Card(note="From the laptop.")
    own.post(path(seat), {"revision": APage(own, seat).revision, "leave": "1"})
    in_week_2.shift(MINUTE)
    third = said(APage(own, seat).save(by_itself=True, note="From the laptop, later."))
    assert third.startswith("Saved 12:03 PM Eastern <div")


def test_what_was_replaced_can_be_brought_back_and_back_again(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    phone, laptop = APage(own, seat), APage(own, seat)
    phone.save(**TYPED)
    laptop.save(note="From the laptop.")
    for _ in range(2):
        in_week_2.shift(MINUTE)
        decides = APage(own, seat)
        pressed = {"revision": decides.revision, "bring_back": "1"}
        before = card(seat)
        own.post(path(seat), pressed)
        assert {card(seat), Card.load(entry(seat).replaced)} == {
            CARD,
            Card(note="From the laptop."),
        }
        assert card(seat) != before
        # Pressed twice, it is not swapped back.
        after = card(seat)
        response = own.post(path(seat), pressed, follow=True)
        assert card(seat) == after
        assert "changed meanwhile" in said(response)


def test_the_other_version_can_be_left(own: Client, seat: Enrollment) -> None:
    phone, laptop = APage(own, seat), APage(own, seat)
    phone.save(**TYPED)
    laptop.save(note="From the laptop.")
    stale = {"revision": phone.revision, "leave": "1"}
    own.post(path(seat), stale)
    assert entry(seat).replaced is not None
    own.post(path(seat), {"revision": APage(own, seat).revision, "leave": "1"})
    assert (entry(seat).replaced, entry(seat).replaced_at) == (None, None)
    assert card(seat) == Card(note="From the laptop.")


def test_a_page_that_saves_by_itself_is_not_another_device(own: Client, seat: Enrollment) -> None:
    page = APage(own, seat)
    for words in ("It", "It rain", "It rained."):
        page.save(by_itself=True, note=words)
    assert (entry(seat).revision, entry(seat).replaced) == (3, None)
    page.save(**TYPED)
    assert entry(seat).replaced is None


def test_a_page_whose_answer_got_lost_is_not_another_device(own: Client, seat: Enrollment) -> None:
    page = APage(own, seat)
    seen = page.revision
    page.save(by_itself=True, note="It")
    page.revision = seen
    page.save(by_itself=True, note="It rained.")
    assert (entry(seat).revision, entry(seat).replaced) == (2, None)


def test_a_late_request_of_a_page_undoes_nothing_that_it_sent_later(
    own: Client, seat: Enrollment
) -> None:
    page = APage(own, seat)
    page.save(by_itself=True, note="It", sent="1000")
    page.save(by_itself=True, note="It rained, and I went out.", sent="3000")
    for late in ({"note": "It rained"}, {"save": "1"}):
        response = page.save(by_itself=True, sent="2000", **late)
        assert "draft:saved" not in response.headers.get("HX-Trigger", "")
        assert card(seat) == Card(note="It rained, and I went out.")
    assert entry(seat).revision == 2
    # Without a script a page cannot say when it sent something.
    page.save(note="It rained.", sent="")
    assert card(seat) == Card(note="It rained.")


@pytest.mark.parametrize("sent", ["", "x", "-5", "1e3", "9" * 16, "\u0663"])
def test_an_odd_moment_of_sending_is_none(sent: str, own: Client, seat: Enrollment) -> None:
    page = APage(own, seat)
    page.save(by_itself=True, note="one", sent="1000")
    assert page.save(by_itself=True, note="two", sent=sent).status_code == 200
    assert card(seat) == Card(note="two")


@pytest.mark.parametrize("script", [True, False])
def test_an_open_page_brings_a_day_that_was_erased_back_only_when_told_twice(
    script: bool, own: Client, seat: Enrollment
) -> None:
    APage(own, seat).save(note="one")
    page = APage(own, seat)
    DiaryEntry.objects.all().delete()
    response = page.save(by_itself=script, note="one, and more")
    assert response.status_code == 422
    assert "made blank or erased elsewhere, so this was not saved" in said(response)
    assert "draft:saved" not in response.headers.get("HX-Trigger", "")
    if script:
        assert page.save(by_itself=True, note="one, and yet more").status_code == 422
    else:
        assert "one, and more" in said(response)
        page.learn(response)
    assert not DiaryEntry.objects.exists()
    page.save(by_itself=script, save="1", note="one, and more")
    assert card(seat) == Card(note="one, and more")


def test_without_a_word_of_its_own_a_page_is_not_taken_for_the_same(
    own: Client, seat: Enrollment
) -> None:
    own.post(path(seat), {"note": "one", "page": "", "revision": ""})
    own.post(path(seat), {"note": "two", "page": "", "revision": ""})
    assert entry(seat).replaced is not None
    long = "x" * 65
    own.post(path(seat), {"note": "three", "page": long, "revision": ""})
    own.post(path(seat), {"note": "four", "page": long, "revision": ""})
    assert Card.load(entry(seat).replaced) == Card(note="three")


def test_a_day_that_was_emptied_and_filled_again_is_another_version(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    APage(own, seat).save(note="one")
    old = APage(own, seat)
    APage(own, seat).save()
    in_week_2.shift(MINUTE)
    APage(own, seat).save(note="two")
    assert entry(seat).revision == 1
    old.save(note="three")
    assert Card.load(entry(seat).replaced) == Card(note="two")


def test_an_empty_page_takes_nothing_away_that_it_did_not_know(
    own: Client, seat: Enrollment
) -> None:
    phone, laptop = APage(own, seat), APage(own, seat)
    phone.save(**TYPED)
    response = laptop.save()
    assert "changed meanwhile" in said(own.get(response["Location"]))
    by_itself = laptop.save(by_itself=True, save="1")
    assert by_itself["HX-Refresh"] == "true"
    assert card(seat) == CARD


def test_a_field_that_is_emptied_for_a_moment_empties_no_day(own: Client, seat: Enrollment) -> None:
    page = APage(own, seat)
    page.save(by_itself=True, note="It rained.")
    assert "Press \u201cSave\u201d to make the day blank again" in said(page.save(by_itself=True))
    assert card(seat) == Card(note="It rained.")
    assert "This day is blank again" in said(page.save(by_itself=True, save="1"))
    assert not DiaryEntry.objects.exists()


def test_signed_out_meanwhile_a_page_that_saves_by_itself_says_so(
    own: Client, seat: Enrollment
) -> None:
    page = APage(own, seat)
    own.logout()
    response = page.save(by_itself=True, **TYPED)
    assert response.status_code == 401
    assert "You are signed out, so this was not saved." in said(response)
    assert "draft:saved" not in response.headers.get("HX-Trigger", "")
    assert own.post(path(seat), TYPED).status_code == 302
    assert not DiaryEntry.objects.exists()


def test_only_what_is_stored_takes_the_draft_away(own: Client, seat: Enrollment) -> None:
    def tells(response: HttpResponse) -> bool:
        return "draft:saved" in response.headers.get("HX-Trigger", "")

    page = APage(own, seat)
    assert not tells(page.save(by_itself=True, note="x" * 2001))
    assert tells(page.save(by_itself=True, note="It rained."))
    assert not tells(page.save(by_itself=True))
    assert tells(page.save(by_itself=True, save="1"))


# --- Drafts ---------------------------------------------------------------------------------


def mark(client: Client, seat: Enrollment) -> str:
    found = re.search(r'data-drafts-of="([0-9a-f]{32})"', said(client.get(path(seat))))
    assert found
    return found[1]


def test_drafts_belong_to_one_signing_in(own: Client, seat: Enrollment) -> None:
    first = mark(own, seat)
    assert mark(own, seat) == first
    assert first not in own.cookies["sessionid"].value
    own.logout()
    own.force_login(seat.member)
    assert mark(own, seat) != first


def test_signing_out_empties_what_the_browser_keeps(own: Client) -> None:
    out = reverse("account_logout")
    assert "Clear-Site-Data" not in own.get(out).headers
    assert own.post(out)["Clear-Site-Data"] == '"storage"'


# --- All days -------------------------------------------------------------------------------


def test_all_days_are_listed_and_blank_ones_are_only_blank(own: Client, seat: Enrollment) -> None:
    diary.save_card(enrollment=seat, day=TODAY - DAY, card=CARD, seen="", page="", now=IN_WEEK_2)
    page = said(own.get(reverse("practice:diary", args=[seat.public_id])))
    days = re.findall(r'href="[^"]*/diary/(2026-10-\d\d)/"', page)
    assert days == [f"2026-10-{n:02}" for n in range(14, 5, -1)]
    main = page[page.index("<main") : page.index("</main")]
    assert 'Tuesday, October 13</a><span class="day-list__what">STOP</span>' in main
    assert 'Monday, October 12</a><span class="visually-hidden">blank</span>' in main
    assert not re.search(r"--lost|--soon|missed|streak", main)


def test_the_hub_shows_this_weeks_days(own: Client, seat: Enrollment) -> None:
    diary.save_card(enrollment=seat, day=TODAY - DAY, card=CARD, seen="", page="", now=IN_WEEK_2)
    page = said(own.get(reverse("practice:hub", args=[seat.public_id])))
    assert re.findall(r"/diary/(\d{4}-\d\d-\d\d)/", page) == ["2026-10-13", "2026-10-14"]
    assert page.count("days__day--noted") == 1
    assert reverse("practice:diary", args=[seat.public_id]) in page


def test_before_the_first_session_there_is_no_card(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    in_week_2.move_to(FIRST_SESSION - HOUR)
    page = said(own.get(reverse("practice:diary", args=[seat.public_id])))
    assert "The diary begins with your first session." in page
    assert '<form class="form card"' not in page


def test_after_the_last_week_there_are_the_days_and_no_card(
    own: Client, seat: Enrollment, in_week_2: Any
) -> None:
    in_week_2.move_to(FIRST_SESSION + dt.timedelta(weeks=30))
    own.force_login(seat.member)
    page = said(own.get(reverse("practice:diary", args=[seat.public_id])))
    assert 'data-draft="' not in page
    assert len(re.findall(r"/diary/\d{4}-\d\d-\d\d/", page)) == 11 * 7 + 28
    assert own.get(path(seat, "2027-01-18")).status_code == 200
    assert own.get(path(seat, "2027-01-19")).status_code == 404


@pytest.mark.parametrize("weeks", [1, 12])
def test_both_pages_and_the_hub_ask_little_however_long_the_diary_is(
    own: Client, seat: Enrollment, in_week_2: Any, weeks: int
) -> None:
    now = FIRST_SESSION + dt.timedelta(weeks=weeks) - HOUR
    in_week_2.move_to(now)
    own.force_login(seat.member)
    today = now.date()
    for n in range(7 * weeks):
        day = dt.date(2026, 10, 6) + n * DAY
        diary.save_card(enrollment=seat, day=day, card=CARD, seen="", page="", now=now)
    for week in range(1, weeks + 1):
        a_plan(seat, week=week, activity="making soup")
    own.get(path(seat, today))  # the first page of a day writes the session
    asked = {}
    for name, address in {
        "day": path(seat, today),
        "days": reverse("practice:diary", args=[seat.public_id]),
        "hub": reverse("practice:hub", args=[seat.public_id]),
    }.items():
        with CaptureQueriesContext(connection) as captured:
            assert own.get(address).status_code == 200
        asked[name] = len(captured)
    assert (asked["day"], asked["days"]) == (7, 7)
    assert asked["hub"] <= 8
