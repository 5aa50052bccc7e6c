"""Ten groups in less than five minutes, by mouse, by thumb, by keyboard, and without JavaScript."""

import datetime as dt
import uuid
import zoneinfo
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from sandbox import demo_people as demo
from sandbox.stack import Stack
from tests.browser.conftest import Visitor
from tests.browser.hands import Hands
from tests.browser.inspector import DESKTOP, PHONE, Picture
from tests.browser.keyboard import Keyboard

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("pages")]

# What one group may cost by hand: presses and fields filled in, and seconds.
BUDGET_FIRST = (8, 40)
BUDGET_EACH_OTHER = (5, 20)
SECONDS_ON_AVERAGE = 25  # five minutes for ten would be 30
DAY = dt.timedelta(days=1)
WEEK = 7 * DAY
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")


def monday_of_october() -> dt.date:
    """The first of next year's October: its season meets Columbus Day and Thanksgiving."""
    first = dt.date(dt.datetime.now(dt.UTC).year + 1, 10, 1)
    return first + (-first.weekday()) % 7 * DAY


MONDAY = monday_of_october()
THURSDAY = MONDAY + 3 * DAY
NOVEMBER = dt.date(MONDAY.year, 11, 1)
THANKSGIVING = NOVEMBER + (3 - NOVEMBER.weekday()) % 7 * DAY + 3 * WEEK


EVENING, NOON = dt.time(18), dt.time(12)
Group = tuple[dt.date, dt.time, dt.date | None]  # first date, wall time, what is skipped
TEN: list[Group] = [
    (MONDAY, EVENING, None),
    (MONDAY + DAY, EVENING, None),
    (MONDAY + 2 * DAY, EVENING, None),
    (MONDAY + 3 * DAY, EVENING, THANKSGIVING),
    (MONDAY + 4 * DAY, EVENING, None),
    (MONDAY + 4 * DAY, NOON, None),  # every evening is taken: the admin says another hour
    (MONDAY, NOON, None),
    (MONDAY + DAY, NOON, None),
    (MONDAY + 2 * DAY, NOON, None),
    (MONDAY + 3 * DAY, NOON, THANKSGIVING),
]
THREE: list[Group] = [(MONDAY, EVENING, MONDAY + WEEK), *TEN[1:3]]


@pytest.fixture
def planner(visitor: Visitor) -> Iterator[Visitor]:
    """An admin at the season's page. What they publish is taken off the site again afterwards."""
    visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    visitor.goto("/plan/")
    yield visitor
    with psycopg.connect(visitor.site.env["DATABASE_URL"], autocommit=True) as database:
        database.execute(
            "UPDATE group_sessions_cohort SET status = 'archived' WHERE first_date >= %s", [MONDAY]
        )


@pytest.mark.parametrize(
    ("visitor", "leader", "groups"),
    [({"viewport": DESKTOP}, "Dana", TEN), ({"viewport": PHONE}, "Luis", THREE)],
    ids=["ten-on-a-desktop", "three-on-a-phone"],
    indirect=["visitor"],
)
def test_a_season_is_planned_in_half_a_minute_a_group(
    planner: Visitor, leader: str, groups: list[Group], picture: Picture, browser: Browser
) -> None:
    page, at = planner.page, EVENING
    effort: list[Hands] = []
    addresses: list[str] = []
    for first, wall_time, skipped in groups:
        hands = Hands(page)
        if not addresses:
            plan_first(hands, leader)
        else:
            hands.press(page.get_by_role("link", name="Another like this"))
            if wall_time != at:
                hands.type_into(page.get_by_label("Starts at"), wall_time.strftime("%I%M%p"))
            expect(page.get_by_label("First session")).to_have_value(first.isoformat())
            hands.press(page.get_by_role("button", name="Save the draft"))
        addresses.append(finish(hands, skipping=skipped))
        effort.append(hands)
        at = wall_time
    picture(page, f"season-{len(groups)}-published")
    copied = Hands(page)
    copied.press(page.get_by_role("link", name="Copy to the next season"))
    copied.press(page.get_by_role("button", name="Save the draft"))
    addresses.append(finish(copied))
    plan = [*groups, next_season_of(groups[-1])]
    visitor_sees(browser, planner.site, dict(zip(addresses, plan, strict=True)))
    assert effort[0].interactions <= BUDGET_FIRST[0] + bool(groups[0][2])
    assert effort[0].seconds <= BUDGET_FIRST[1]
    for one in (*effort[1:], copied):
        assert one.interactions <= BUDGET_EACH_OTHER[0]
        assert one.seconds <= BUDGET_EACH_OTHER[1]
    assert sum(one.seconds for one in effort) <= SECONDS_ON_AVERAGE * len(groups)
    assert planner.watch.console == []


def plan_first(hands: Hands, leader: str) -> None:
    """As far as its dates."""
    page = hands.page
    hands.press(page.get_by_role("link", name="New group"))
    hands.type_into(page.get_by_label("First session"), f"{MONDAY:%m%d%Y}")
    hands.type_into(page.get_by_label("Starts at"), "0600PM")
    hands.press(page.get_by_label(leader), opens_page=False)
    hands.type_into(page.get_by_label("States"), "CA, NY")
    hands.press(page.get_by_role("button", name="Save the draft"))


def finish(hands: Hands, *, skipping: dt.date | None = None) -> str:
    """Skip a date of the draft, publish it; its address on the public site."""
    page = hands.page
    if skipping:
        named = f"Skip this date ({skipping:%B} {skipping.day})"
        hands.press(page.get_by_role("button", name=named))
        expect(page.locator(".dates__day--off")).to_have_count(1)
    hands.press(page.get_by_role("button", name="Publish"))
    return published(page)


def published(page: Page) -> str:
    """Where the public finds the group that was published in this moment."""
    expect(page.get_by_role("status")).to_contain_text("is published: members can join now.")
    return urlsplit(page.url).path.replace("/plan/", "/groups/")


def next_season_of(group: Group) -> Group:
    first, wall_time, skipped = group
    return first + (13 if skipped else 12) * WEEK, wall_time, None


def visitor_sees(browser: Browser, site: Stack, found: dict[str, Group]) -> None:
    """Somebody who is not signed in finds each group on the list, with its twelve dates."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.site_url}/?fresh={uuid.uuid4()}")  # the list itself may be a second old
    for address in found:
        expect(page.locator(f"main a[href='{address}']")).to_have_count(1)
    for address, group in found.items():
        page.goto(site.site_url + address)
        starts = page.locator("time.week__day").evaluate_all(
            "times => times.map(time => time.dateTime)"
        )
        assert [dt.datetime.fromisoformat(at) for at in starts] == starts_of(group), address
    context.close()


def starts_of(group: Group) -> list[dt.datetime]:
    first, wall_time, skipped = group
    days = [first + week * WEEK for week in range(13)]
    held = [day for day in days if day != skipped][:12]
    return [dt.datetime.combine(day, wall_time, tzinfo=NEW_YORK) for day in held]


@pytest.mark.parametrize(
    "visitor", [{"viewport": PHONE, "java_script_enabled": False}], ids=["phone"], indirect=True
)
def test_a_group_is_planned_and_copied_without_javascript(
    planner: Visitor, browser: Browser
) -> None:
    page, hands = planner.page, Hands(planner.page)
    plan_first(hands, "Robin")
    first = finish(hands, skipping=THREE[0][2])
    hands.press(page.get_by_role("link", name="Another like this"))
    hands.press(page.get_by_role("button", name="Save the draft"))
    visitor_sees(browser, planner.site, {first: THREE[0], finish(hands): THREE[1]})


@pytest.mark.parametrize("visitor", [{"viewport": DESKTOP}], ids=["desktop"], indirect=True)
def test_a_group_is_planned_by_keyboard_alone(planner: Visitor, browser: Browser) -> None:
    page, keys = planner.page, Keyboard(planner.page)
    keys.skip_to_content()
    keys.open(page.get_by_role("link", name="New group"))
    expect(page.get_by_label("First session")).to_be_focused()
    page.keyboard.type(f"{MONDAY:%m%d%Y}")
    keys.type_into(page.get_by_label("Starts at"), "0600PM")
    keys.press(page.get_by_label("Mei"), "Space")
    keys.type_into(page.get_by_label("States"), "CA, NY")
    keys.enter()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{MONDAY:%A} evenings")
    keys.skip_to_content()
    keys.press(page.get_by_role("link", name="Columbus Day"))  # leads to that date
    keys.open(page.get_by_role("button", name=f"({MONDAY + WEEK:%B} {(MONDAY + WEEK).day})"))
    expect(page.locator(".dates__day--off")).to_have_count(1)
    keys.skip_to_content()
    keys.open(page.get_by_role("button", name="Publish"))
    address = published(page)
    keys.skip_to_content()
    keys.open(page.get_by_role("link", name="Another like this"))
    keys.enter()
    keys.skip_to_content()
    keys.open(page.get_by_role("button", name="Publish"))
    visitor_sees(browser, planner.site, {address: THREE[0], published(page): THREE[1]})
    assert keys.tabs <= 60
