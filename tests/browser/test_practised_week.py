"""A practised week in two browsers: planned and lived on a phone, shared with a practitioner at
their desk, made easier, and taken back.

As `tests/practice/test_a_practised_week.py`, against the whole running application: mails over
SMTP, and the clock moved by the sandbox's page.
"""

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox import demo_people as demo
from sandbox.stack import Stack
from tests.accounts.people import app_shows
from tests.browser.conftest import Visitor, _visitor, code_in
from tests.browser.inspector import DESKTOP, PHONE, Inspector, Look, Picture
from tests.browser.season import Season
from tests.browser.test_care_pages import follow, follow_or_nav, press
from tests.browser.test_whole_path import CLINICAL, everything_in

# A site of its own: the others would not like their clock moved.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("practised-week")]
ON_A_PHONE = (Look("week-phone", PHONE, "light"),)
AT_THE_DESK = (Look("week-desk", DESKTOP, "light"),)

PHOENIX = zoneinfo.ZoneInfo("America/Phoenix")
ACTIVITY = "Stop for one breath when something in the kitchen goes wrong"
EASIER = "Turn the radio off before you begin."
# So many days after the second session; one is left out.
DAYS = (0, 1, 2, 4, 5)


@dataclass
class Week:
    """Kim on a phone, a practitioner whom nobody knows yet at a desktop, and the clock."""

    season: Season
    kim: Visitor
    ora: Visitor
    phone: Inspector
    desk: Inspector


@pytest.fixture
def week(stack: Stack, browser: Browser, picture: Picture) -> Iterator[Week]:
    sizes = (PHONE, DESKTOP, DESKTOP)
    people = [_visitor(stack, browser, {"viewport": size}) for size in sizes]
    kim, staff, ora = (next(one) for one in people)
    phone, desk = Inspector(kim, picture, ON_A_PHONE), Inspector(ora, picture, AT_THE_DESK)
    yield Week(Season(stack, kim, staff), kim, ora, phone, desk)
    for one in people:
        next(one, None)


def test_a_week_is_planned_lived_shared_made_easier_and_taken_back(week: Week) -> None:
    plans(week)
    notes_five_days(week)
    aims(week)
    invites(week)
    comes_in(week)
    suggests_and_rates(week)
    accepts_and_reads_the_log(week)
    takes_it_back(week)
    week.phone.finish()
    week.desk.finish()


def second_session() -> dt.datetime:
    """Of the group that begins tomorrow at noon in Phoenix."""
    today = dt.datetime.now(PHOENIX).date()
    return dt.datetime.combine(today + dt.timedelta(days=8), dt.time(12), PHOENIX)


def plans(week: Week) -> None:
    week.season.go_to(second_session() + dt.timedelta(hours=6))
    week.kim.sign_in(demo.KIM, demo.PASSWORD)
    week.kim.goto("/my/")
    page = week.kim.page
    page.locator("main .group-card a").first.click()
    follow(page, "Your practice")
    title = page.get_by_role("heading", name="Week 2: Getting through a hard minute")
    expect(title).to_be_visible()
    week.phone.look("1-hub")
    follow(page, "Plan this week")
    page.get_by_role("group", name="Which skill?").get_by_label("STOP").check()
    page.get_by_label(ACTIVITY).check()
    page.get_by_label("When and where?").fill("While cooking on Tuesday")
    page.get_by_role("group", name="How sure are you").get_by_label("6", exact=True).check()
    press(page, "Save the plan")
    expect(page.get_by_text("Your plan is saved")).to_be_visible()
    expect(page.get_by_role("heading", name="Would a smaller step help?")).to_be_visible()
    week.phone.look("2-plan")
    follow(page, "Your practice")


def notes_five_days(week: Week) -> None:
    page, hub = week.kim.page, week.kim.page.url
    for number, days in enumerate(DAYS):
        if days:
            week.season.go_to(second_session() + dt.timedelta(days=days, hours=6))
        page.goto(hub)
        follow(page, "Open your diary")
        page.get_by_label("STOP").check()
        page.get_by_role("button", name=re.compile("^As planned")).click()
        expect(page.get_by_label("While doing what?")).to_have_value(ACTIVITY)
        for name, strength in (("before", 8 - number), ("after", 4 - number // 2)):
            step = page.locator(f"input[name={name}][value='{strength}']")
            page.locator("label", has=step).click()
        page.get_by_label("A note for yourself").fill(f"Mine alone, day {days}")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#card-said")).to_have_text(re.compile("^\\s*Saved "))
    page.reload()
    week.phone.look("3-diary")
    page.goto(hub)


def aims(week: Week) -> None:
    page = week.kim.page
    follow(page, "Your goals")
    follow(page, "Set a goal")
    for name, words in (
        ("title", "Cook dinner at home"),
        ("expected", "On two evenings"),
        ("more", "On three evenings"),
        ("less", "On one evening"),
    ):
        page.locator(f"textarea[name={name}]").fill(words)
    press(page, "Save the goal")
    expect(page.get_by_text("Your goal is saved")).to_be_visible()
    page.locator(".back-link").click()


def invites(week: Week) -> None:
    page = week.kim.page
    follow(page, "Who sees what")
    follow(page, "Share with somebody")
    page.get_by_label("Their name").fill("Ora Lindqvist")
    page.get_by_label("Their email address").fill(week.ora.email)
    page.get_by_label("Occupational therapist").check()
    for part in ("weekly plan", "summary of your diary", "Your goals", "sessions you came to"):
        page.get_by_label(re.compile(part)).check()
    press(page, "See what they would see")
    page.get_by_label(re.compile("your signature")).fill("Kim Lee")
    week.phone.look("4-consent")
    press(page, "Sign and invite")
    expect(page.get_by_text("You have signed.")).to_be_visible()


def comes_in(week: Week) -> None:
    """By the mail's link, a code, and a second step that is set up on the way."""
    ora, page = week.ora, week.ora.page
    mail = ora.wait_for_mail("You are invited to look at a plan", 75)
    link = re.search(r"/care/[0-9a-f-]{36}/", mail.text)
    assert link
    ora.goto(link[0])
    page.get_by_role("link", name="Send me a sign-in code").click()
    page.locator("input[name=email]").fill(ora.email)
    press(page, "Send the code")
    code = ora.wait_for_mail("Your", 75)
    page.locator("input[name=code]").fill(code_in(code))
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url(re.compile("/2fa/"))
    secret = page.locator(".key code").inner_text().replace(" ", "")
    page.locator("input[name=code]").fill(app_shows(secret))
    press(page, "Turn it on")
    follow(page, "I have kept them, go on")
    expect(page.get_by_role("heading", name="Kim Lee")).to_be_visible()
    week.desk.look("5-shared")
    for one in (mail, code):
        words = everything_in(one)
        assert CLINICAL.findall(words) == []
        assert re.findall(r"\b(Kim|Lee|Lindqvist|diary|STOP|cook\w*)\b", words) == []


def suggests_and_rates(week: Week) -> None:
    page = week.ora.page
    follow_or_nav(page, "Diary, in short")
    expect(page.get_by_role("main")).not_to_contain_text("Mine alone")
    follow_or_nav(page, "Weekly plan")
    expect(page.get_by_text(ACTIVITY)).to_be_visible()
    page.get_by_label(re.compile("A way to make it easier")).check()
    page.get_by_label(re.compile("What it changes")).select_option(label="The place")
    page.get_by_label("Your words").fill(EASIER)
    press(page, "Send it")
    expect(page.get_by_text("Not answered yet")).to_be_visible()
    follow_or_nav(page, "Goals")
    press(page, "We agreed on these steps")
    page.get_by_text(re.compile("^Rate week 1")).click()
    page.get_by_label("0: as expected").check()
    page.get_by_label(re.compile("A note")).fill("Twice, with music.")
    press(page, "Save the rating")
    expect(page.get_by_text("Week 1: 0")).to_be_visible()
    week.desk.look("6-rated")
    # Stays open, with something begun.
    follow_or_nav(page, "Weekly plan")
    page.get_by_label(re.compile("A comment")).check()
    page.get_by_label("Your words").fill("One more thing")


def accepts_and_reads_the_log(week: Week) -> None:
    page = week.kim.page
    page.locator(".back-link").click()
    follow(page, "Your goals")
    expect(page.get_by_text("Twice, with music.")).to_be_visible()
    page.locator(".back-link").click()
    follow(page, "Ora Lindqvist suggests something for week 2")
    expect(page.get_by_text(EASIER)).to_be_visible()
    week.phone.look("7-suggestion")
    press(page, "Yes, put it into my plan")
    expect(page.get_by_text("It is in your plan now.")).to_be_visible()
    page.locator(".back-link").click()
    follow(page, "Who sees what")
    log = page.get_by_role("region", name="Who opened what").get_by_role("listitem")
    at = r" on \w+day, \d+:\d\d [AP]M Arizona$"
    expect(log).to_have_text(
        [
            re.compile(f"^Ora Lindqvist opened {what}{at}")
            for what in ("your goals", "your plan", "the summary of your diary")
        ]
    )
    week.phone.look("8-log")


def takes_it_back(week: Week) -> None:
    page, late = week.kim.page, week.ora.page
    other = week.ora.context.new_page()
    other.goto(late.url)
    follow(page, "See, change or end it")
    press(page, "End it now")
    expect(page.get_by_text(re.compile("from this moment on"))).to_be_visible()
    press(late, "Send it")
    finds_nothing(late)
    week.desk.look("9-next-press")
    late.go_back()  # no copy of it was kept
    finds_nothing(late)
    follow_or_nav(other, "Goals")
    finds_nothing(other)
    week.ora.goto("/care/")
    expect(late.get_by_role("main")).not_to_contain_text("Kim")
    follow(page, "Who sees what")
    expect(page.get_by_role("main")).not_to_contain_text("One more thing")
    week.phone.look("9-ended")


def finds_nothing(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("We can\u2019t find this page")
    expect(page.get_by_role("main")).not_to_contain_text("Kim")
