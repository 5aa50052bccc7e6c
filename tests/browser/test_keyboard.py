"""Whoever leads a group gets by without a mouse: every page, every press, a focus that shows."""

import re

import pytest
from playwright.sync_api import Page, expect

from sandbox import demo_people as demo
from tests.browser.conftest import Visitor
from tests.browser.inspector import DESKTOP, PHONE
from tests.browser.keyboard import Keyboard

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("pages")]

READERS = {"phone": {"viewport": PHONE}, "desktop": {"viewport": DESKTOP}}
readers = pytest.mark.parametrize("visitor", READERS.values(), ids=READERS, indirect=True)


@pytest.fixture
def keys(visitor: Visitor) -> Keyboard:
    """Somebody who leads, at their desk."""
    visitor.sign_in(demo.LUIS, demo.PASSWORD)
    visitor.goto("/lead/")
    return Keyboard(visitor.page)


def group(page: Page) -> str:
    """The address of a running group's roster."""
    links = page.locator("main a[href^='/lead/']")
    found: list[str] = links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return next(link for link in found if re.fullmatch(r"/lead/[^/]+/", link))


@readers
def test_tab_stops_at_everything_in_order_on_each_page(keys: Keyboard, visitor: Visitor) -> None:
    roster = group(keys.page)
    for path in ("/lead/", roster, f"{roster}1/", f"{roster}dates/"):
        visitor.goto(path)
        keys.walk()


@readers
def test_tab_stops_at_everything_in_order_on_the_pages_of_a_season(visitor: Visitor) -> None:
    page, keys = visitor.page, Keyboard(visitor.page)
    visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    visitor.goto("/plan/?state=published")
    plan = page.locator(".season th a").first.get_attribute("href")
    for path in ("/plan/", "/plan/new/", f"{plan}", f"{plan}copy/"):
        visitor.goto(path)
        keys.walk()


@readers
def test_the_matrix_scrolls_and_leads_to_a_register(keys: Keyboard, visitor: Visitor) -> None:
    page = keys.page
    keys.skip_to_content()
    groups = page.get_by_role("heading", name="Your groups").locator("..")
    keys.open(groups.get_by_role("link").first)
    frame = page.get_by_role("region", name="Attendance, week by week")
    keys.skip_to_content()
    keys.tab_to(frame)
    wider = frame.evaluate("frame => frame.scrollWidth - frame.clientWidth")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert (frame.evaluate("frame => frame.scrollLeft") > 0) == (wider > 0)
    keys.open(frame.get_by_role("link", name="Week 12"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Attendance, week 12")


@readers
def test_a_register_is_mended_and_saved(keys: Keyboard, visitor: Visitor) -> None:
    page = keys.page
    visitor.goto("/lead/")
    heading = page.get_by_role("heading", name="Attendance still open")
    path = heading.locator("..").get_by_role("link").first.get_attribute("href")
    visitor.goto(path or "")
    mark = page.get_by_label("Attendance").first
    minutes = page.get_by_label("Minutes late").first
    keys.skip_to_content()
    keys.tab_to(mark)
    page.keyboard.type("Late")
    keys.type_into(minutes, "40")
    keys.enter()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    keys.press(summary.get_by_role("link").first)
    expect(mark).to_be_focused()
    keys.type_into(minutes, "5")
    keys.open(page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_role("status").first).to_contain_text("The attendance is saved.")
    expect(minutes).to_have_value("5")


@readers
def test_a_change_of_the_dates_is_looked_at_and_taken_back(
    keys: Keyboard, visitor: Visitor
) -> None:
    page = keys.page
    visitor.goto(f"{group(page)}dates/")
    keys.skip_to_content()
    keys.press(page.get_by_label("Move this one session"), "Space")
    keys.open(page.get_by_role("button", name="See what it means"))
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    keys.press(summary.get_by_role("link").first)
    expect(page.get_by_label("New date")).to_be_focused()
    cancelled = page.get_by_label("Cancel it without another week")
    page.goto(page.url.partition("#")[0])
    keys.skip_to_content()
    keys.tab_to(page.get_by_label("Move this one session"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(cancelled).to_be_checked()
    keys.open(page.get_by_role("button", name="See what it means"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Look before you change")
    keys.walk()
    keys.skip_to_content()
    keys.open(page.get_by_role("button", name="Back, change something"))
    expect(cancelled).to_be_checked()


@readers
def test_a_mistake_in_a_new_group_is_found_from_the_summary(visitor: Visitor) -> None:
    page, keys = visitor.page, Keyboard(visitor.page)
    visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    visitor.goto("/plan/new/")
    expect(page.get_by_label("First session")).to_be_focused()
    keys.open(page.get_by_role("button", name="Save the draft"))
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    keys.press(summary.get_by_role("link").first)
    expect(page.get_by_label("First session")).to_be_focused()
