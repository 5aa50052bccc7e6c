"""Going back never loses anything: what was typed, ticked or said is there again."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visitor
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


def go_on(page: Page) -> None:
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_load_state()
