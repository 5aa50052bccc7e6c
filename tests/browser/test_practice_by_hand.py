"""Planning a week and signing a consent: without a mouse, and without JavaScript. `test_diary.py`
does the same with a card of the diary."""

import re

import pytest
from playwright.sync_api import Page, expect

from sandbox import demo_people as demo
from tests.browser.conftest import Visitor
from tests.browser.inspector import DESKTOP, PHONE
from tests.browser.keyboard import Keyboard

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("pages")]

# In running groups; nobody else plans as they do.
READERS = {
    "phone": ({"viewport": PHONE}, demo.address("zoe")),
    "desktop": ({"viewport": DESKTOP}, demo.address("cleo")),
}
SCRIPTLESS = demo.address("abe")
readers = pytest.mark.parametrize(
    ("visitor", "member"), READERS.values(), ids=READERS, indirect=["visitor"]
)
without_scripts = pytest.mark.parametrize(
    "visitor", [{"viewport": PHONE, "java_script_enabled": False}], indirect=True
)


def open_practice(visitor: Visitor, email: str) -> Page:
    page = visitor.page
    visitor.sign_in(email, demo.PASSWORD)
    visitor.goto("/my/")
    page.locator("main .group-card a").first.click()
    page.get_by_role("link", name=re.compile("Your practice")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your practice")
    return page


@readers
def test_without_a_mouse_a_week_is_planned(visitor: Visitor, member: str) -> None:
    page = open_practice(visitor, member)
    keys = Keyboard(page)
    keys.walk()
    keys.skip_to_content()
    keys.open(page.get_by_role("link", name="Plan this week"))
    keys.walk()
    keys.skip_to_content()
    own = page.get_by_label("Something of my own").first
    skill = page.get_by_role("group", name="Which skill?").get_by_role("radio")
    # A mistake: something of one's own, with nothing written.
    choose(keys, page, "skill", "ArrowDown")
    expect(skill.nth(1)).to_be_checked()
    choose(keys, page, "activity", "ArrowUp")
    expect(own).to_be_checked()
    keys.type_into(page.locator("input[name=own]"), " ")
    keys.open(page.get_by_role("button", name="Save the plan"))
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    keys.press(summary.get_by_role("link").first)
    expect(page.locator("input[name=own]")).to_be_focused()
    page.keyboard.type("Water the plants with nothing else on")
    keys.type_into(page.get_by_label("When and where?"), "on the balcony")
    tool = page.get_by_label("Use a thing")
    if not tool.is_visible():
        keys.press(page.locator("#easier summary"))
    keys.type_into(tool, "The watering can by the door")
    choose(keys, page, "sure", "ArrowLeft")
    keys.open(page.get_by_role("button", name="Save the plan"))
    expect(page.get_by_text("Your plan is saved")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Water the plants with nothing else on")
    keys.walk()
    keys.skip_to_content()
    choose(keys, page, "outcome", "ArrowUp")
    keys.open(page.get_by_role("button", name="Save", exact=True))
    expect(page.get_by_text("It is noted.")).to_be_visible()


def choose(keys: Keyboard, page: Page, name: str, key: str) -> None:
    """Tab into a group of radio buttons, which is one stop, and move on from where it is."""
    for _ in range(60):
        if page.evaluate("document.activeElement.name") == name:
            break
        keys.tab()
    page.keyboard.press(key)
    chosen = page.evaluate("[document.activeElement.name, document.activeElement.checked]")
    assert chosen == [name, True]


@readers
def test_without_a_mouse_a_consent_is_signed_and_ended(visitor: Visitor, member: str) -> None:
    page = open_practice(visitor, member)
    keys = Keyboard(page)
    keys.skip_to_content()
    keys.open(page.get_by_role("link", name="Who sees what"))
    keys.walk()
    keys.skip_to_content()
    keys.open(page.get_by_role("link", name="Share with somebody"))
    keys.walk()
    keys.skip_to_content()
    keys.open(page.get_by_role("button", name="See what they would see"))
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    keys.press(summary.get_by_role("link").first)
    expect(page.get_by_label("Their name")).to_be_focused()
    page.keyboard.type("Ora Lindqvist")
    keys.type_into(page.get_by_label("Their email address"), f"therapist-of-{visitor.email}")
    keys.tab()
    page.keyboard.press("Space")
    expect(page.get_by_label("Occupational therapist")).to_be_checked()
    keys.press(page.get_by_label(re.compile("weekly plan")), "Space")
    keys.open(page.get_by_role("button", name="See what they would see"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Look before you sign")
    keys.walk()
    keys.skip_to_content()
    keys.type_into(page.get_by_label(re.compile("your signature")), "Zoe Lee")
    keys.enter()
    expect(page.get_by_text("You have signed.")).to_be_visible()
    keys.skip_to_content()
    keys.open(page.get_by_role("link", name="See, change or end it").first)
    keys.walk()
    keys.skip_to_content()
    keys.open(page.get_by_role("button", name="End it now"))
    expect(page.get_by_text("from this moment on")).to_be_visible()


@without_scripts
def test_without_scripts_a_week_is_planned_changed_and_skipped(visitor: Visitor) -> None:
    page = open_practice(visitor, SCRIPTLESS)
    page.get_by_role("link", name="Plan this week").click()
    page.get_by_label("Something of my own").first.check()
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_role("alert")).to_contain_text("Write what you want to try")
    page.get_by_role("group", name="Which skill?").get_by_role("radio").first.check()
    page.locator("input[name=own]").fill("Stand in a line")
    page.get_by_text("Make it easier", exact=True).click()
    page.get_by_label("Ask somebody").fill("My neighbor comes along")
    page.get_by_role("group", name="How sure are you").get_by_label("5", exact=True).check()
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_text("Your plan is saved")).to_be_visible()
    page.get_by_role("link", name="Make it smaller").click()
    expect(page.get_by_label("Ask somebody")).to_have_value("My neighbor comes along")
    page.get_by_label("Do it in a smaller").fill("A short line")
    page.get_by_role("button", name="Save the plan").click()
    expect(page.get_by_role("main")).to_contain_text("A short line")
    page.get_by_role("button", name="Skip this week").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You skipped this week")
    page.get_by_role("button", name="Take my plan up again").click()
    expect(page.get_by_role("main")).to_contain_text("Stand in a line")


@without_scripts
def test_without_scripts_a_consent_is_signed(visitor: Visitor) -> None:
    page = open_practice(visitor, SCRIPTLESS)
    page.get_by_role("link", name="Who sees what").click()
    page.get_by_role("link", name="Share with somebody").click()
    page.get_by_label("Their name").fill("Ora Lindqvist")
    page.get_by_label("Their email address").fill(f"therapist-of-{visitor.email}")
    page.get_by_label("Occupational therapist").check()
    page.get_by_label(re.compile("weekly plan")).check()
    page.get_by_role("button", name="See what they would see").click()
    page.get_by_role("button", name="Back, change something").click()
    expect(page.get_by_label("Their name")).to_have_value("Ora Lindqvist")
    page.get_by_role("button", name="See what they would see").click()
    page.get_by_role("button", name="Sign and invite").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label(re.compile("your signature")).fill("Abe Lee")
    page.get_by_role("button", name="Sign and invite").click()
    expect(page.get_by_text("You have signed.")).to_be_visible()
