"""One group through its twelve weeks in a browser, with the clock moved by the sandbox's page."""

import datetime as dt
import re
import zoneinfo
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from icalendar import Calendar
from playwright.sync_api import Browser, Page, expect

from accounts import clock
from sandbox import demo_people as demo
from sandbox.mailbox import StoredMail, stored_mails
from sandbox.stack import Stack
from tests.browser.conftest import _visitor
from tests.browser.inspector import DESKTOP, PHONE, Inspector, Look, Picture
from tests.browser.season import MEETINGS, TUESDAY_LINK, TUESDAY_REMINDER, Season
from tests.browser.test_planning_a_season import published
from tests.browser.test_whole_path import (
    CLINICAL,
    MEETING,
    agree,
    everything_in,
    pay,
    tell_about_yourself,
)

# A site of its own: the others would not like their clock moved.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("twelve-weeks")]

NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
DAY, WEEK = dt.timedelta(days=1), dt.timedelta(weeks=1)


def first_tuesday() -> dt.date:
    """Far enough ahead for every group of the demo to be over, so that its leaders are free."""
    day = dt.datetime.now(NEW_YORK).date() + 16 * WEEK
    return day + (1 - day.weekday()) % 7 * DAY


TUESDAY = first_tuesday()


def at(week: int, hour: int = 18, *, days: int = 0) -> dt.datetime:
    """That many days after the Tuesday of a week, on the group's clock."""
    day = TUESDAY + (week - 1) * WEEK + days * DAY
    return dt.datetime.combine(day, dt.time(hour), tzinfo=NEW_YORK)


# Week 8 is a week later by then, and the other group has it two days after the old Tuesday.
CHAIR = f"Your chair for {clock.day(at(8, days=2), NEW_YORK)}, 6:00 PM Eastern"


@pytest.fixture
def season(stack: Stack, browser: Browser) -> Iterator[Season]:
    people = [_visitor(stack, browser, {"viewport": size}) for size in (PHONE, DESKTOP)]
    member, staff = (next(one) for one in people)
    # No request leaves this machine: the video room is a sheet of paper.
    member.context.route(
        f"{MEETINGS}**", lambda route: route.fulfill(body="<title>The meeting</title>")
    )
    yield Season(stack, member, staff)
    for one in people:
        next(one, None)


def test_a_group_through_its_twelve_weeks(season: Season, picture: Picture) -> None:
    tuesdays, thursdays = plan(season)
    season.go_to(at(1, 10, days=-7))
    feed = joins(season, tuesdays, picture)

    season.week()
    first_room = comes_in_week_1(season, tuesdays, picture)
    season.week()
    note_to_the_group(season, tuesdays)
    season.press_clock("To the next link mail")
    season.gets(TUESDAY_LINK)
    season.go_to(at(3, 10))
    moves_week_3(season, tuesdays, picture)
    season.go_to(at(3))  # nobody is reminded of the old time, and the door is not open
    season.gets("A change to your Tuesday sessions")
    season.finds_closed(season.door_in(TUESDAY_LINK), f"{clock.day(at(3, days=2), NEW_YORK)}")
    season.press_clock("To the next link mail")
    season.gets("Your link for Thursday, 5:00 PM Eastern")
    season.press_clock("To the next open door")
    season.gets("Today at 5:00 PM Eastern")
    rooms = {first_room, season.goes_in(season.door_in("Today at 5:00 PM Eastern"))}
    season.week()

    season.go_to(at(5, 9, days=-1))
    replaces_week_5(season, tuesdays, picture)
    season.go_to(at(5))
    season.gets("A change to your Tuesday sessions")
    season.finds_closed(season.door_in(TUESDAY_LINK), f"{clock.day(at(6), NEW_YORK)}")
    season.week()
    season.week()

    season.go_to(at(8, 9, days=-4))  # week 7 is a week later now
    names_a_substitute(season, tuesdays, picture)
    season.press_clock("To the next link mail")
    season.gets(f"About your session on {clock.day(at(8), NEW_YORK)}", TUESDAY_LINK)
    season.press_clock("To the next open door")
    season.gets(TUESDAY_REMINDER)

    season.go_to(at(8, 20))
    takes_a_chair(season, picture)
    season.week(link="Your link for Thursday, 6:00 PM Eastern")
    rooms.add(visits(season, picture))
    season.press_clock("To the next link mail")  # of week 8, in which the member is not awaited
    for _ in range(4):
        season.week()
    rooms.add(season.goes_in(season.door_in(TUESDAY_REMINDER)))
    assert len(rooms) == 4

    season.go_to(at(13, 20))
    visit = at(8, days=2)
    assert visit.date() == thursdays + 7 * WEEK
    dates = dates_on_page(season, picture)
    assert dates == expected_dates()
    assert calendar_after(season.mails()) == dates | {visit}
    assert starts_in(requests.get(feed, timeout=20).content) == dates | {visit}
    assert_every_mail(season, picture)
    roster_tells_the_season(season, tuesdays, picture)
    the_clock_is_a_page_like_others(season, picture)
    assert season.member.watch.console == []
    assert season.member.watch.origins == {
        season.site.site_url,
        season.site.standin_url,
        MEETINGS.rstrip("/"),
    }


def expected_dates() -> set[dt.datetime]:
    """Week 3 is on its Thursday at five, and from week 5 on everything is a week later."""
    return {at(week) for week in (1, 2, 4, *range(6, 14))} | {at(3, 17, days=2)}


def assert_every_mail(season: Season, picture: Picture) -> None:
    """Exactly these, each to the member alone, and none with a word that tells what it is about."""
    season.staff.goto(f"/sandbox/mail/?to={demo.ALEX}")
    expect(season.staff.page.locator("caption")).to_have_text("32 mails, newest first")
    picture(season.staff.page, "12-mailbox")
    for mail in season.mails():
        assert mail.recipients == [demo.ALEX]
        assert CLINICAL.findall(everything_in(mail)) + MEETING.findall(everything_in(mail)) == []
    subjects = Counter(mail.subject for mail in season.mails())
    assert subjects == {
        "Your seat is confirmed": 1,
        "Your cost overview is ready": 1,
        TUESDAY_LINK: 11,  # of all but week 8, and of week 3 before it was moved
        TUESDAY_REMINDER: 11,  # of all but weeks 3 and 8, and before the visit
        "Your link for Thursday, 5:00 PM Eastern": 1,
        "Today at 5:00 PM Eastern": 1,
        "A note about your Tuesday sessions": 1,
        "A change to your Tuesday sessions": 2,
        f"About your session on {clock.day(at(8), NEW_YORK)}": 1,
        CHAIR: 1,
        "Your link for Thursday, 6:00 PM Eastern": 1,
    }
    leaders = [mail.subject for mail in stored_mails(season.site.mail_dir, demo.MEI)]
    assert leaders == ["A change to the sessions that you lead"]
    assert list(stored_mails(season.site.mail_dir, demo.DANA)) == []  # each was her own


# --- Before the first week ----------------------------------------------------------------


def plan(season: Season) -> tuple[str, dt.date]:
    """Two groups that do the same weeks: the first one's path at its roster, the other's date."""
    page = season.staff.page
    season.leader_opens(demo.ADMIN, "/plan/")
    page.get_by_role("link", name="New group").click()
    page.get_by_label("First session").fill(TUESDAY.isoformat())
    page.get_by_label("Starts at").fill("18:00")
    page.get_by_label("Dana").check()
    page.get_by_label("States").fill("CA, NY")
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Publish").click()
    path = published(page).replace("/groups/", "/lead/")
    thursday = TUESDAY + 2 * DAY
    page.get_by_role("link", name="Another like this").click()
    page.get_by_label("First session").fill(thursday.isoformat())
    page.get_by_label("Dana").uncheck()
    page.get_by_label("Luis").check()
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Publish").click()
    assert "thursday" in published(page)
    return path, thursday


def joins(season: Season, path: str, picture: Picture) -> str:
    """A seat, paid for; returns the address of the member's own calendar."""
    page = season.member.page
    season.member_opens("/my/")
    season.member_opens(path.replace("/lead/", "/groups/") + "reserve/")
    tell_about_yourself(page, state="NY")
    agree(page)
    pay(season.member)
    season.gets("Your seat is confirmed", "Your cost overview is ready")
    season.member_opens("/my/calendar/")
    page.get_by_role("button", name="Make my calendar link").click()
    picture(page, "0-calendar-link")
    return page.locator("#calendar-link").input_value()


# --- What happens on the way --------------------------------------------------------------


def comes_in_week_1(season: Season, path: str, picture: Picture) -> str:
    """The member arrives, the leader sees it, and closes the attendance afterwards."""
    page = season.staff.page
    room = season.goes_in(season.door_in(TUESDAY_LINK))
    season.leader_opens(demo.DANA, "/lead/")
    expect(page.get_by_role("main")).to_contain_text("1 of 1 have arrived")
    picture(page, "1-desk-with-the-door-open")
    season.go_to(at(1, 20))
    season.leader_opens(demo.DANA, f"{path}1/")
    page.get_by_role("button", name="Save and close the attendance").click()
    season.leader_opens(demo.DANA, f"{path}1/")
    expect(page.get_by_role("main")).to_contain_text(f"Closed {clock.day(at(1), NEW_YORK)}")
    return room


def note_to_the_group(season: Season, path: str) -> None:
    page = season.staff.page
    season.go_to(at(2, 10, days=1))
    season.leader_opens(demo.DANA, f"{path}messages/new/")
    page.get_by_label("Everybody in the group").check()
    page.get_by_label("Your message").fill("Bring a pen next week, please.")
    page.get_by_role("button", name="See the mail").click()
    page.get_by_role("button", name="Send the message").click()
    season.gets("A note about your Tuesday sessions")


def moves_week_3(season: Season, path: str, picture: Picture) -> None:
    """From Tuesday to Thursday, when its link has gone out already."""
    page = season.staff.page
    season.leader_opens(demo.DANA, f"{path}dates/")
    page.locator("select[name=number]").select_option("3")
    page.get_by_label("Move this one session").check()
    page.get_by_label("New date").fill(f"{at(3, days=2):%Y-%m-%d}")
    page.get_by_label("New time").fill("17:00")
    look_and_confirm(page, picture, "3-moved")


def replaces_week_5(season: Season, path: str, picture: Picture) -> None:
    page = season.staff.page
    season.leader_opens(demo.DANA, f"{path}dates/")
    page.locator("select[name=number]").select_option("5")
    page.get_by_label("with another week at the end").check()
    look_and_confirm(page, picture, "5-replaced")


def names_a_substitute(season: Season, path: str, picture: Picture) -> None:
    """Who then finds that session, and no other, on a desk of their own."""
    page = season.staff.page
    season.leader_opens(demo.DANA, f"{path}leaders/")
    page.locator("select[name=number]").select_option("7")
    page.locator("select[name=substitute]").select_option(label="Mei Tanaka, PsyD")
    look_and_confirm(page, picture, "7-substitute")
    season.leader_opens(demo.MEI, "/lead/")
    session = page.get_by_role("article")
    expect(session).to_have_count(1)
    expect(session).to_contain_text("Week 7")
    expect(session).to_contain_text("You lead it instead of Dana Reyes")
    picture(page, "7-desk-of-the-substitute")


def look_and_confirm(page: Page, picture: Picture, name: str) -> None:
    page.get_by_role("button", name="See what it means").click()
    expect(page.get_by_role("main")).to_contain_text("1 member gets one email")
    picture(page, f"{name}-preview")
    page.locator("button[name=confirm]").click()
    expect(page.get_by_role("status")).to_contain_text("told by email")
    picture(page, f"{name}-done")


def takes_a_chair(season: Season, picture: Picture) -> None:
    page = season.member.page
    season.member_opens("/my/")
    page.get_by_role("main").get_by_role("link", name="Tuesday").first.click()
    picture(page, "8-my-group")
    page.get_by_role("link", name=re.compile("make it to week 8")).click()
    page.get_by_role("button", name=re.compile("make it to week 8")).click()
    page.get_by_role("button", name="Take this chair").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your chair in another group")
    picture(page, "8-chair")
    season.gets(CHAIR)


def visits(season: Season, picture: Picture) -> str:
    """Through the door of that one session; its leader sees a visitor."""
    room = season.goes_in(season.door_in("Your link for Thursday, 6:00 PM Eastern"))
    season.leader_opens(demo.LUIS, "/lead/")
    page = season.staff.page
    expect(page.get_by_role("main")).to_contain_text("Visits from another group")
    picture(page, "8-desk-with-a-visitor")
    return room


# --- After the last week ------------------------------------------------------------------


def dates_on_page(season: Season, picture: Picture) -> set[dt.datetime]:
    """The twelve that stand on the member's page."""
    page = season.member.page
    season.member_opens("/my/")
    page.get_by_role("main").get_by_role("link", name="Tuesday").first.click()
    expect(page.get_by_role("main")).to_contain_text("All sessions have been held")
    picture(page, "12-my-group")
    times = page.locator("time.week__day").evaluate_all("all => all.map(one => one.dateTime)")
    assert len(times) == 12
    return {dt.datetime.fromisoformat(one) for one in times}


def roster_tells_the_season(season: Season, path: str, picture: Picture) -> None:
    """The leader's page: who came when, and each change with its author."""
    page = season.staff.page
    season.leader_opens(demo.DANA, path)
    picture(page, "12-roster")
    marks = page.locator("td.mark").evaluate_all("all => all.map(one => one.title)")
    told = {week: words for week, words in enumerate(marks, 1) if words != "Nothing noted"}
    arrived = "Arrived, not noted yet"
    assert told == {1: "Present", 3: arrived, 8: "Made up elsewhere", 12: arrived}
    history = page.get_by_role("region", name="Changes to this group").get_by_role("listitem")
    expect(history).to_have_text(
        [
            re.compile(r"Dana Reyes, LCSW: .*Mei Tanaka"),
            re.compile(r"Dana Reyes, LCSW: One session cancelled, with another week .*week 5"),
            re.compile(r"Dana Reyes, LCSW: One session moved \(week 3\)"),
        ]
    )


def the_clock_is_a_page_like_others(season: Season, picture: Picture) -> None:
    inspector = Inspector(season.staff, picture, (Look("12", DESKTOP, "light"),))
    inspector.visit("/sandbox/clock/")
    season.staff.page.get_by_label("Date and time").fill("2020-01-01T18:00")
    season.staff.page.get_by_role("button", name="Go there").click()
    inspector.look("clock with errors")
    season.staff.page.get_by_role("button", name="Back to the real time").click()
    expect(season.staff.page.get_by_role("status")).to_contain_text("It is the real time again.")
    inspector.finish()


def calendar_after(mails: list[StoredMail]) -> set[dt.datetime]:
    """The entries of somebody who opened each file as it came.

    As RFC 5545 has it: the same UID with a higher SEQUENCE replaces the entry.
    """
    entries: dict[str, Any] = {}
    for mail in mails:
        for part in mail.attachments:
            assert part.mimetype == "text/calendar"
            for event in Calendar.from_ical(part.content).walk("VEVENT"):
                known = entries.get(str(event["uid"]))
                if known is None or event["sequence"] > known["sequence"]:
                    entries[str(event["uid"])] = event
    return {entry.decoded("dtstart") for entry in entries.values() if "status" not in entry}


def starts_in(ics: bytes) -> set[dt.datetime]:
    events = Calendar.from_ical(ics).walk("VEVENT")
    return {event.decoded("dtstart") for event in events if "status" not in event}
