"""Large text on a phone, filters that step aside, and a zone that wipes nothing."""

import re

import pytest
from playwright.sync_api import expect

from sandbox import demo_people as demo
from tests.browser.conftest import Visitor
from tests.browser.inspector import PHONE
from tests.browser.test_whole_path import choose_group, sign_up

# One process of a parallel run takes them all: each would start a site of its own.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("site")]

phone = pytest.mark.parametrize("visitor", [{"viewport": PHONE}], indirect=True)


@phone
def test_text_twice_as_large_fits_a_phone(visitor: Visitor) -> None:
    page = visitor.page
    visitor.goto("/")
    group = page.locator("main a[href*='/groups/pacific-evening']").first.get_attribute("href")
    for path in ("/", str(group), "/accounts/signup/", "/accounts/login/"):
        visitor.goto(path)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path


@phone
def test_an_open_filter_closes_with_escape_or_a_press_elsewhere(visitor: Visitor) -> None:
    page = visitor.page
    visitor.goto("/")
    opened = page.locator("details.filter[open]")
    page.locator("details.filter summary").first.click()
    expect(opened).to_have_count(1)
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)
    expect(page.locator("details.filter summary").first).to_be_focused()
    page.locator("details.filter summary").last.click()
    expect(opened).to_have_count(1)
    page.get_by_role("heading", level=1).click()
    expect(opened).to_have_count(0)


@phone
def test_no_page_of_the_reservation_offers_to_change_the_zone_and_lose_what_was_typed(
    visitor: Visitor,
) -> None:
    page = visitor.page
    choose_group(visitor)
    change = page.get_by_text("Change the time zone")
    expect(page.get_by_role("heading", level=1)).to_have_text("Make an account")
    expect(change).to_have_count(0)
    sign_up(visitor)
    expect(change).to_have_count(0)
    expect(page.get_by_text("Times are shown in Pacific time.")).to_be_visible()
    visitor.goto("/my/")
    expect(change).to_be_visible()


@phone
def test_links_in_a_line_are_tall_enough_for_a_finger(visitor: Visitor) -> None:
    for path, name in (("/", "Change the time zone"), ("/accounts/signup/", "Sign in")):
        visitor.goto(path)
        link = visitor.page.get_by_role("main").get_by_role("link", name=name, exact=True)
        box = link.bounding_box()
        assert box is not None
        assert box["height"] >= 24, path


@phone
def test_a_near_session_brings_itself_up_to_date_and_leaves_the_focus_where_it_is(
    visitor: Visitor,
) -> None:
    page = visitor.page
    visitor.sign_in(demo.SAM, demo.PASSWORD)
    page.clock.install()
    page.locator("main .group-card a").first.click()
    page.locator("#next-session").evaluate("section => section.dataset.old = 'yes'")
    page.locator("#next-door").focus()
    with page.expect_response(re.compile("/next/$")):
        page.clock.fast_forward(61_000)
    expect(page.locator("#next-session[data-old]")).to_have_count(0)
    expect(page.locator("#next-door")).to_be_focused()
    # Signed out meanwhile, somebody is led to signing in, not shown a form inside of the page.
    visitor.context.clear_cookies(name="sessionid")
    page.clock.run_for(1_000)  # htmx starts to count again a moment after the exchange
    page.clock.fast_forward(61_000)
    page.wait_for_url(re.compile("/accounts/login/"))
    assert visitor.watch.console == []
