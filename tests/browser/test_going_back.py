"""Going back never loses anything: what was typed, ticked or said is there again."""

import re

import pytest
from playwright.sync_api import Error, Page, expect

from sandbox import demo_people as demo
from tests.browser.conftest import Visitor
from tests.browser.inspector import PHONE
from tests.browser.test_whole_path import agree, choose_group, sign_up, tell_about_yourself

# One process of a parallel run takes them all: each would start a site of its own.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("site")]

READERS = {
    "phone": {"viewport": PHONE},
    "phone-no-javascript": {"viewport": PHONE, "java_script_enabled": False},
}
readers = pytest.mark.parametrize("visitor", READERS.values(), ids=READERS, indirect=True)


@readers
def test_back_after_a_mended_mistake_shows_the_answers(visitor: Visitor) -> None:
    page = visitor.page
    choose_group(visitor)
    sign_up(visitor)
    tell_about_yourself(page, year="91")
    expect(page.get_by_role("alert")).to_contain_text("four digits")
    expect(page.locator("input[name=legal_name]")).to_have_value("Robin Example")
    page.locator("input[name=date_of_birth_year]").fill("1991")
    go_on(page)
    page.wait_for_url(re.compile("/agreements/"))

    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text("About you")
    expect(page.locator("input[name=date_of_birth_year]")).to_have_value("1991")
    expect(page.locator("input[name=legal_name]")).to_have_value("Robin Example")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert visitor.watch.console == []


@readers
def test_ticks_survive_a_mistake_and_the_way_back_to_the_questions(visitor: Visitor) -> None:
    page = visitor.page
    choose_group(visitor)
    sign_up(visitor)
    tell_about_yourself(page)
    boxes = page.get_by_role("main").get_by_role("checkbox")
    boxes.first.check()
    page.get_by_role("button", name=re.compile("Keep my seat")).click()
    expect(page.get_by_role("alert")).to_be_visible()
    boxes.nth(1).check()
    page.get_by_role("button", name=re.compile("Back to")).click()
    page.wait_for_url(re.compile("/reserve/$"))
    go_on(page)
    page.wait_for_url(re.compile("/agreements/"))
    assert [box.is_checked() for box in boxes.all()] == [True, True, False, False, False]
    expect(page.get_by_role("alert")).to_have_count(0)
    agree(page)


@readers
def test_a_refusal_can_be_left_and_come_back_to(visitor: Visitor) -> None:
    """Somebody who keeps two seats already is refused a third: the answer to a POST."""
    page = visitor.page
    choose_group(visitor)
    sign_up(visitor)
    tell_about_yourself(page)
    agree(page)
    for group, state in (("hawaii-afternoon", "HI"), ("mountain-evening", "CO")):
        visitor.goto("/my/answers/")
        page.locator("select[name=state]").select_option(state)
        go_on(page)
        expect(page.get_by_role("status")).to_contain_text("Your answers are saved")
        visitor.goto("/")
        page.locator(f"a[href*='/groups/{group}']").first.click()
        page.get_by_role("link", name="Reserve your seat").first.click()
        go_on(page)
        page.wait_for_url(re.compile("/agreements/"))
        for box in page.get_by_role("main").get_by_role("checkbox").all():
            box.check()
        page.get_by_role("button", name=re.compile("Keep my seat")).click()
    refusal = "You are keeping other seats already"
    expect(page.get_by_role("heading", level=1)).to_have_text(refusal)
    page.get_by_role("main").get_by_role("link", name="My groups").click()
    page.wait_for_url(re.compile("/my/$"))

    page.go_back()

    expect(page.get_by_role("heading", level=1)).to_have_text(refusal)


@readers
def test_no_preview_comes_back_after_signing_out(visitor: Visitor) -> None:
    """On a computer that others use: a preview at the money desk has names and amounts.

    "Back" shows it from a copy while one is signed in. The copy goes by the cookie (`Vary`), so it
    fits nobody who is not; a browser's own error is what is left.
    """
    page = visitor.page
    visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    visitor.goto("/money/search/?q=Sam")
    page.locator("main th a").first.click()
    page.get_by_role("link", name="Refund").click()
    page.get_by_label("Another amount").check()
    page.get_by_label("Amount in dollars").fill("1.00")
    page.get_by_label("They keep it").check()
    page.get_by_role("button", name="See what it means").click()
    preview = page.get_by_role("heading", name="Look before you press")
    expect(preview).to_be_visible()
    page.get_by_role("banner").get_by_role("link", name="Groups", exact=True).click()
    page.go_back()
    expect(preview).to_be_visible()
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()

    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()

    expect(preview).to_have_count(0)


def go_on(page: Page) -> None:
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_load_state()
