"""The money desk's day in a browser: somebody leaves, and the next one in line takes the seat.

As `tests/billing/test_the_money_desk_day.py`, against the whole running application: the desk at a
desktop, both members on their phones, mails over SMTP, Stripe by its stand-in, the clock moved by
the sandbox's page.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from accounts import clock
from sandbox import demo_people as demo
from sandbox.mailbox import StoredMail
from sandbox.stack import Stack
from tests.browser.conftest import Visitor, _visitor
from tests.browser.inspector import DESKTOP, PHONE, Inspector, Look, Picture
from tests.browser.season import MEETINGS, TUESDAY_LINK, Season
from tests.browser.test_planning_a_season import published
from tests.browser.test_twelve_weeks import NEW_YORK, TUESDAY, at
from tests.browser.test_whole_path import (
    CLINICAL,
    MEETING,
    agree,
    everything_in,
    pay,
    sign_up,
    tell_about_yourself,
)

# A site of its own: the others would not like their clock moved.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("money-desk-day")]
ON_A_PHONE = (Look("phone", PHONE, "light"),)
AT_THE_DESK = (Look("desk", DESKTOP, "light"),)

OVERVIEW = "Your cost overview is ready"
DESK = at(3, 10, days=1)  # the morning after the third session
OFFER_ENDS = DESK + dt.timedelta(hours=24)
PRICE, GOES_BACK, FROM_WEEK_5 = 29_900, 22_425, 19_933


@dataclass
class Day:
    """The one who leaves and the desk (`season`), and the one who waits."""

    season: Season
    robin: Visitor
    desk: Inspector
    phone: Inspector
    group: str = ""

    @property
    def site(self) -> Stack:
        return self.season.site

    def desk_opens(self, path: str) -> Page:
        """As the billing admin, with the code that their phone shows."""
        self.season.leader_opens(demo.NOOR, path)
        return self.season.staff.page

    def robin_opens(self, path: str) -> Page:
        """Signed in again, where two weeks without a page have passed."""
        page = self.robin.page
        page.goto(path if path.startswith("http") else self.site.site_url + path)
        if "/accounts/login/" in page.url:
            page.locator("input[name=login]").fill(self.robin.email)
            page.locator("input[name=password]").fill("a quiet green garden")
            page.get_by_role("button", name=re.compile("^Sign in$")).click()
            page.wait_for_url(lambda url: "/accounts/login/" not in url)
        return page


@pytest.fixture
def day(stack: Stack, browser: Browser, picture: Picture) -> Iterator[Day]:
    sizes = (PHONE, DESKTOP, PHONE)
    people = [_visitor(stack, browser, {"viewport": size}) for size in sizes]
    alex, staff, robin = (next(one) for one in people)
    # No request leaves this machine: the video room is a sheet of paper.
    for member in (alex, robin):
        member.context.route(
            f"{MEETINGS}**", lambda route: route.fulfill(body="<title>The meeting</title>")
        )
    desk, phone = Inspector(staff, picture, AT_THE_DESK), Inspector(robin, picture, ON_A_PHONE)
    yield Day(Season(stack, alex, staff), robin, desk, phone)
    for one in people:
        next(one, None)


def test_a_seat_changes_hands_and_every_cent_is_accounted_for(day: Day) -> None:
    season = day.season
    day.group = plan(season)
    before = rows_at_stripe(day)
    season.go_to(at(1, 10, days=-7))
    buys(day)
    joins_the_waitlist(day)
    for _ in range(3):
        season.week()
        season.goes_in(season.door_in(TUESDAY_LINK))
    season.go_to(DESK)
    story = finds(day)
    rehearses_and_confirms(day)
    both_mails(day)
    reads_the_story(day, story)
    accepts_and_pays(day)

    season.go_to(at(4, 17, days=0) + dt.timedelta(minutes=55))
    finds_the_door_shut(day)
    season.press_clock("To the next link mail")
    link = day.robin.wait_for_mail("Your link for Tuesday, 3:00 PM Pacific", 75)
    season.press_clock("To the next open door")
    day.robin.wait_for_mail("Today at 3:00 PM Pacific", 75)
    goes_in(day, link)
    season.gets()  # nothing since the refund

    season.go_to(at(5, 10, days=1))
    compares(day)
    sums_are_equal(day)
    stripes_books_agree(day, before)
    for one in (day.desk, day.phone):
        assert one.problems == [], "\n".join(one.problems)
    for visitor in (season.member, season.staff, day.robin):
        assert visitor.watch.console == []
    assert season.staff.watch.origins == {day.site.site_url}


# --- Before that morning ------------------------------------------------------------------


def plan(season: Season) -> str:
    """A group with one seat, to be joined at weeks 1, 5 and 9; its public address."""
    page = season.staff.page
    season.leader_opens(demo.ADMIN, "/plan/")
    page.get_by_role("link", name="New group").click()
    page.get_by_label("First session").fill(TUESDAY.isoformat())
    page.get_by_label("Starts at").fill("18:00")
    page.get_by_label("Dana").check()
    page.get_by_label("States").fill("CA, NY")
    page.get_by_label("Seats").fill("1")
    page.get_by_label("At weeks 1, 5 and 9").check()
    page.get_by_role("button", name="Save the draft").click()
    page.get_by_role("button", name="Publish").click()
    return published(page)


def buys(day: Day) -> None:
    season, page = day.season, day.season.member.page
    season.member_opens("/my/")
    season.member_opens(f"{day.group}reserve/")
    tell_about_yourself(page, state="NY")
    agree(page)
    pay(season.member)
    season.gets("Your seat is confirmed", OVERVIEW)


def joins_the_waitlist(day: Day) -> None:
    page = day.robin.page
    day.robin.goto(day.group)
    page.get_by_role("link", name="Join the waitlist").click()
    sign_up_to_wait(day.robin)
    tell_about_yourself(page, state="NY")
    page.get_by_role("button", name="Join the waitlist").click()
    expect(page.get_by_role("main")).to_contain_text("You are 1st in line")
    day.phone.look("1-in-line")
    day.robin.wait_for_mail("You are on the waitlist")


def sign_up_to_wait(visitor: Visitor) -> None:
    sign_up(visitor, then="/waitlist/")


# --- At the desk --------------------------------------------------------------------------


def finds(day: Day) -> str:
    """By the amount among others, by the address alone; returns the story's address."""
    page = day.desk_opens("/money/")
    day.desk.look("1-queue")
    page.get_by_role("navigation", name="Money").get_by_role("link", name="Search").click()
    asked = page.get_by_label("Name, mail address, amount, id or group")
    asked.fill("$299.00")
    page.get_by_role("search").get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Alex")).to_have_count(1)
    day.desk.look("2-found-by-amount")
    asked.fill(demo.ALEX)
    page.get_by_role("search").get_by_role("button", name="Search").click()
    expect(page.get_by_role("caption")).to_have_text("1 enrolment, the latest first")
    page.get_by_role("link", name="Alex").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("3 of 12 held; attended 3")
    expect(main.locator(".sums")).to_contain_text("Balance with us$299.00")
    day.desk.look("3-story")
    return page.url


def rehearses_and_confirms(day: Day) -> None:
    page = day.season.staff.page
    main = page.get_by_role("main")
    page.get_by_role("link", name="Refund").click()
    page.get_by_label("By the policy, for sessions not held: $224.25").check()
    page.get_by_label("It is free again from now on").check()
    page.get_by_label("Why?").fill("Moved away")
    day.desk.look("4-refund")
    page.get_by_role("button", name="See what it means").click()
    bought = clock.day_and_time(at(1, 10, days=-7), NEW_YORK).split(",")[0]
    ends = clock.day(OFFER_ENDS, NEW_YORK)
    for words in (
        "Nothing has happened yet.",
        "What goes back: $224.25",
        "3 of 12 sessions were held",
        "-$74.75",
        "Refund terms 2026-11, agreed to",
        bought,
        "the door is shut to them",
        "9 sessions still to come: no more links",
        "Robin is next in line",
        "from week 5 on. The list price is $199.33",
        ends,
        "Your refund of $224.25 is on its way",
        "We have sent $224.25 back to the card you paid with.",
    ):
        expect(main).to_contain_text(words)
    day.desk.look("5-rehearsal")
    page.get_by_role("button", name="Give back $224.25 and free the seat").click()
    expect(page.get_by_role("status")).to_contain_text(
        "$224.25 is on its way back. They are out of the group."
    )
    day.desk.look("6-confirmed")


def both_mails(day: Day) -> None:
    """As they lie in the mailbox: each to one person, and with no word too many."""
    season = day.season
    season.gets("Your refund of $224.25 is on its way")
    refund = season.mails()[-1]
    assert paragraphs(refund) == [
        "Hello Alex,",
        "We have sent $224.25 back to the card you paid with. Banks take 5 to 10 days to show "
        "it. It is the part for the sessions that had not been held.",
        "Your seat is free again from now on, and your links to the sessions no longer work.",
        f"Other groups with free seats:\n{day.site.site_url}/",
    ]
    zone = "America/Los_Angeles"
    until = f"{clock.weekday(OFFER_ENDS, zone)}, {clock.time_of_day(OFFER_ENDS, zone)}"
    offer = day.robin.wait_for_mail("A seat is free for you until", 75)
    assert offer.subject == f"A seat is free for you until {until}"
    ends, first = (clock.day_and_time(moment, zone) for moment in (OFFER_ENDS, at(5)))
    assert paragraphs(offer) == [
        "Hello Robin,",
        f"A seat has come free for you. It is kept until {ends}.",
        f"Your first session would be on {first}. Nothing is charged before you say yes.",
        f"See the seat and say yes or no:\n{link_in(offer)}",
        "If you do nothing, it is not kept for you after that time, and nothing is charged.",
    ]
    for mail, whose in ((refund, demo.ALEX), (offer, day.robin.email)):
        assert mail.recipients == [whose]
        assert CLINICAL.findall(everything_in(mail)) + MEETING.findall(everything_in(mail)) == []


def paragraphs(mail: StoredMail) -> list[str]:
    """What the mail says above the foot of all mails."""
    text, _ = mail.text.replace("\r\n", "\n").split("\n\n\nGrouport\n")
    return text.split("\n\n")


def link_in(mail: StoredMail) -> str:
    found = re.search(r"https?://\S+/my/\S+", mail.text)
    assert found
    return found[0]


def reads_the_story(day: Day, story: str) -> None:
    """Whoever asks why, reads it."""
    page = day.season.staff.page
    page.goto(story)
    main = page.get_by_role("main")
    expect(main.locator(".sums")).to_contain_text("Balance with us$74.75")
    for words in ("Refund of $224.25 asked for", "Done by Noor Haddad", "Notice of a refund"):
        expect(main).to_contain_text(words)
    day.desk.look("7-story-afterwards")


# --- The next one -------------------------------------------------------------------------


def accepts_and_pays(day: Day) -> None:
    page = day.robin_opens(link_in(day.robin.wait_for_mail("A seat is free for you until")))
    day.phone.look("2-offered")
    page.get_by_role("link", name="See the seat and say yes").click()
    expect(page.get_by_role("main")).to_contain_text("$199.33")
    day.phone.look("3-offer")
    for box in page.get_by_role("main").get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Take the seat and go to payment").click()
    page.wait_for_url(re.compile("/pay/"))
    day.phone.look("4-pay")
    page.get_by_label("In full: $199.33 today").check()
    page.get_by_role("button", name="Go on to pay").click()
    page.wait_for_url(re.compile(re.escape(day.site.standin_url) + "/pay/"))
    page.get_by_role("button", name=re.compile("^Pay")).first.click()
    page.wait_for_url(re.compile(re.escape(day.site.site_url) + "/pay/.*/return/"))
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text(re.compile("seat is confirmed", re.IGNORECASE))
    day.phone.look("5-paid")
    day.robin.wait_for_mail("Your seat is confirmed")


def finds_the_door_shut(day: Day) -> None:
    """In week 4, by the link of week 3; the newcomer's first is week 5."""
    season, page = day.season, day.season.member.page
    season.gets()
    season.member_opens(season.door_in(TUESDAY_LINK))
    expect(page.get_by_role("heading", level=1)).to_have_text("You are not in this group any more")
    Inspector(season.member, day.phone.picture, ON_A_PHONE).look("6-door-shut")


def goes_in(day: Day, mail: StoredMail) -> None:
    found = re.search(r"https?://\S+/join/\S+", mail.text)
    assert found
    page = day.robin_opens(found[0])
    expect(page.get_by_role("heading", level=1)).to_have_text("Your session is open")
    day.phone.look("7-door-open")
    page.locator("select[name=location]").select_option("NY")
    page.get_by_role("button", name="Go in").click()
    page.wait_for_url(re.compile(re.escape(MEETINGS)))


# --- The books ----------------------------------------------------------------------------


def compares(day: Day) -> None:
    """On demand, from the day of the purchase on: what the demo's groups paid lies before."""
    page = day.desk_opens("/money/reconciliation/")
    page.get_by_label("From").fill(f"{at(1, 10, days=-7):%Y-%m-%d}")
    page.get_by_label("To", exact=True).fill(f"{at(5, 10, days=1):%Y-%m-%d}")
    page.get_by_role("button", name="Compare").click()
    runs = page.locator("#runs")
    expect(runs.locator("tbody tr").first).to_contain_text("Done", timeout=90_000)
    expect(runs.locator("tbody tr").first).to_contain_text("2 payments")
    expect(page.get_by_role("main")).to_contain_text("Nothing differs.")
    day.desk.look("8-compared")


def sums_are_equal(day: Day) -> None:
    """The file of this group, and everything on the page beside everything in the file."""
    slug = day.group.strip("/").split("/")[-1]
    ours = [
        (line["kind"], int(line["amount in cents"])) for line in ledger_file(day, f"?cohort={slug}")
    ]
    moved = [("charge", PRICE), ("refund", -GOES_BACK), ("charge", FROM_WEEK_5)]
    assert ours == [*moved, ("fee", -897), ("fee", -608)]  # 2.9 % and 30 cents of each charge
    page = day.desk_opens("/money/numbers/?range=all")
    months = page.get_by_role("region", name="What came and what went").locator("tbody tr")
    nets = [row.locator("td").last.inner_text() for row in months.all()]
    assert nets
    cents = sum(int(re.sub(r"[$,.]", "", net)) for net in nets)
    assert cents == sum(int(line["amount in cents"]) for line in ledger_file(day))
    day.desk.look("9-numbers")


def ledger_file(day: Day, query: str = "") -> list[dict[str, str]]:
    """Downloaded with the desk's own session."""
    reply = day.season.staff.context.request.get(f"{day.site.site_url}/money/ledger.csv{query}")
    assert reply.ok
    return list(csv.DictReader(io.StringIO(reply.body().decode("utf-8-sig"))))


def rows_at_stripe(day: Day) -> list[dict[str, Any]]:
    """One row for each payment that the stand-in ever booked, the demo's among them."""
    books = requests.get(f"{day.site.standin_url}/_control/books", timeout=20).json()
    rows: list[dict[str, Any]] = books["rows"]
    return rows


def stripes_books_agree(day: Day, before: list[dict[str, Any]]) -> None:
    """Two charges and a refund came, and nothing else changed."""
    new = [row for row in rows_at_stripe(day) if row not in before]
    assert sorted((row["charged"], row["refunded"]) for row in new) == [
        (FROM_WEEK_5, 0),
        (PRICE, GOES_BACK),
    ]
    odd = ("refund_failed", "refund_pending", "withdrawn")
    assert [row[kind] for row in new for kind in odd] == [0] * 6
