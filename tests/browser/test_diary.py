"""A card of the diary, on a phone: by itself, without a connection, without a mouse, without
JavaScript, and on two devices."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from sandbox import demo_people as demo
from tests.browser.conftest import Visitor
from tests.browser.hands import Hands
from tests.browser.inspector import PHONE
from tests.browser.keyboard import Keyboard

# One process of a parallel run takes them all: each would start a site of its own.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("site")]

phone = pytest.mark.parametrize("visitor", [{"viewport": PHONE}], indirect=True)
without_scripts = pytest.mark.parametrize(
    "visitor", [{"viewport": PHONE, "java_script_enabled": False}], indirect=True
)
SAVED = re.compile(r"^\s*Saved ")
ONLY_SAVED = re.compile(r"^\s*Saved \d+:\d\d [AP]M \w+\s*$")
# Without the mark that a page with a card is open, which says nothing else.
KEPT = "Object.entries(localStorage).filter(([key]) => !key.endsWith('.open'))" + (
    ".map(([key, value]) => key + ' ' + value).join(' ')"
)


def open_today(visitor: Visitor, email: str) -> Page:
    """Today's card of somebody in a running group, blank."""
    page = visitor.page
    visitor.sign_in(email, demo.PASSWORD)
    visitor.goto("/my/")
    page.locator("main .group-card a").first.click()
    page.get_by_role("link", name=re.compile("practice", re.IGNORECASE)).first.click()
    page.get_by_role("heading", name="Your diary").locator("..").get_by_role(
        "link", name=re.compile("^Today")
    ).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Today, ")
    empty(page)
    return page


def empty(page: Page) -> None:
    for box in page.locator("form.card input[type=checkbox]:checked").all():
        box.uncheck()
    for name in ("before", "after"):
        strength(page, name, "").check(force=True)
    note(page).fill("")
    activity(page).fill("")
    save(page).click()
    expect(status(page)).to_have_text(re.compile(r"^\s*$|blank again"))
    page.reload()
    expect(status(page)).to_have_text("")


def note(page: Page) -> Locator:
    return page.get_by_label("A note for yourself")


def activity(page: Page) -> Locator:
    return page.get_by_label("While doing what?")


def strength(page: Page, when: str, value: str) -> Locator:
    return page.locator(f"input[name={when}][value='{value}']")


def save(page: Page) -> Locator:
    return page.get_by_role("button", name="Save", exact=True)


def status(page: Page) -> Locator:
    return page.locator("#card-said")


def offer(page: Page) -> Locator:
    return page.locator("[data-draft-offer]")


def kept(page: Page) -> str:
    found: str = page.evaluate(KEPT)
    return found


def everything_kept(page: Page) -> str:
    found: str = page.evaluate("Object.entries(localStorage).join(' ')")
    return found


@phone
def test_a_card_takes_less_than_a_minute(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("ari"))
    visitor.goto(page.url.removeprefix(visitor.site.site_url).rsplit("/", 2)[0] + "/")
    hands = Hands(page)
    hands.press(page.locator(".choice input").first, opens_page=False)
    hands.type_into(activity(page), "making soup")
    hands.press(page.locator("label", has=strength(page, "before", "7")), opens_page=False)
    hands.press(page.locator("label", has=strength(page, "after", "4")), opens_page=False)
    hands.type_into(note(page), "It helped to slow down, for once")
    hands.press(save(page))
    expect(status(page)).to_have_text(SAVED)
    assert hands.seconds < 45
    page.reload()
    expect(activity(page)).to_have_value("making soup")


@phone
def test_what_is_typed_saves_itself_and_the_page_stays(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("bea"))
    expect(page.get_by_text("It is saved as you write")).to_be_visible()
    page.evaluate("window.stayed = true")
    note(page).fill("It rained.")
    assert "It rained." in kept(page)
    expect(status(page)).to_have_text(ONLY_SAVED)
    assert kept(page) == ""
    with page.expect_response(re.compile("/diary/")):
        page.locator("label", has=strength(page, "before", "8")).click()
    save(page).click()
    expect(status(page)).to_have_text(SAVED)
    expect(save(page)).to_be_enabled()
    assert page.evaluate("window.stayed") is True
    page.reload()
    expect(note(page)).to_have_value("It rained.")
    expect(strength(page, "before", "8")).to_be_checked()
    expect(page.get_by_text("elsewhere")).to_have_count(0)
    expect(offer(page)).to_be_hidden()
    assert visitor.watch.console == []


@phone
def test_a_draft_outlives_a_lost_connection_and_a_closed_page(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("cal"))
    note(page).fill("Before the tunnel.")
    expect(status(page)).to_have_text(SAVED)
    visitor.context.set_offline(True)
    note(page).fill("Before the tunnel. In the tunnel.")
    page.locator(".choice input").first.check()
    strength(page, "after", "3").check(force=True)
    expect(status(page)).to_have_text(re.compile("^No connection right now"))
    at = page.url
    page.close()
    visitor.context.set_offline(False)

    page = visitor.context.new_page()
    page.goto(at)
    expect(offer(page)).to_be_visible()
    expect(note(page)).to_have_value("Before the tunnel.")
    expect(offer(page)).to_contain_text("In the tunnel.")
    # Going on to write takes nothing of what is offered, even if that is lost as well.
    visitor.context.set_offline(True)
    note(page).fill("Before the tunnel. After it.")
    page.close()
    visitor.context.set_offline(False)
    page = visitor.context.new_page()
    page.goto(at)
    expect(offer(page)).to_contain_text("After it.")
    page.get_by_role("button", name="Throw it away").click()
    expect(offer(page)).to_contain_text("In the tunnel.")
    page.get_by_role("button", name="Use it").click()
    expect(note(page)).to_have_value("Before the tunnel. In the tunnel.")
    expect(offer(page)).to_be_hidden()
    expect(status(page)).to_have_text(ONLY_SAVED)
    for _ in range(100):  # the line stood there before as well
        if kept(page) == "":
            break
        page.wait_for_timeout(50)
    assert kept(page) == ""
    page.reload()
    expect(note(page)).to_have_value("Before the tunnel. In the tunnel.")
    expect(page.locator(".choice input").first).to_be_checked()
    expect(strength(page, "after", "3")).to_be_checked()
    expect(offer(page)).to_be_hidden()
    expect(page.get_by_text("elsewhere")).to_have_count(0)


@phone
def test_a_draft_replaces_nothing_unseen_that_was_saved_meanwhile(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("cal"))
    note(page).fill("On the phone.")
    expect(status(page)).to_have_text(SAVED)
    visitor.context.set_offline(True)
    note(page).fill("On the phone, in the tunnel.")
    at = page.url
    page.close()
    visitor.context.set_offline(False)
    laptop = visitor.context.browser.new_context()  # type: ignore[union-attr]
    laptop.add_cookies(visitor.context.cookies())  # type: ignore[arg-type]
    other = laptop.new_page()
    other.goto(at)
    note(other).fill("On the laptop.")
    save(other).click()
    expect(status(other)).to_have_text(ONLY_SAVED)
    laptop.close()
    page = visitor.context.new_page()
    page.goto(at)
    note(page).fill("Begun anew.")
    page.get_by_role("button", name="Use it").click()
    expect(page.locator("#card-replaced")).to_contain_text("On the laptop.")
    expect(offer(page)).to_contain_text("Begun anew.")
    page.reload()
    expect(note(page)).to_have_value("On the phone, in the tunnel.")
    expect(page.locator("#card-replaced")).to_contain_text("On the laptop.")


@phone
def test_a_draft_is_saved_when_the_connection_is_back(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("dee"))
    visitor.context.set_offline(True)
    note(page).fill("In the tunnel.")
    expect(status(page)).to_have_text(re.compile("^No connection right now"))
    save(page).click()  # no page of the browser's in place of the card
    expect(note(page)).to_have_value("In the tunnel.")
    visitor.context.set_offline(False)
    expect(status(page)).to_have_text(SAVED)
    assert kept(page) == ""


@phone
def test_a_draft_can_be_thrown_away(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("dee"))
    visitor.context.set_offline(True)
    note(page).fill("Never mind.")
    at = page.url
    page.close()
    visitor.context.set_offline(False)
    page = visitor.context.new_page()
    page.goto(at)
    page.get_by_role("button", name="Throw it away").click()
    expect(offer(page)).to_be_hidden()
    assert kept(page) == ""
    page.reload()
    expect(offer(page)).to_be_hidden()
    expect(note(page)).to_have_value("")


@phone
def test_signed_out_nothing_is_left_in_the_browser(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("dee"))
    visitor.context.set_offline(True)
    note(page).fill("Nobody else's business.")
    assert "Nobody" in kept(page)
    visitor.context.set_offline(False)
    # From a page that knows nothing of drafts: it is the answer that empties the browser.
    page.goto(f"{visitor.site.site_url}/accounts/logout/")
    page.evaluate("localStorage.setItem('draft.x.y', 'Nobody else')")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    assert everything_kept(page) == ""


@phone
def test_signing_out_from_the_card_leaves_nothing_either(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("dee"))
    visitor.context.set_offline(True)
    note(page).fill("Nobody else's business.")
    visitor.context.set_offline(False)
    # Where a browser does not know the header, the page itself forgets.
    page.route(
        re.compile("/accounts/logout/"),
        lambda route: route.fulfill(
            status=200, body="<title>Out</title>", content_type="text/html"
        ),
    )
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/logout/"))
    assert everything_kept(page) == ""


@phone
def test_signed_out_in_one_tab_another_keeps_no_draft_any_more(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("dee"))
    out = visitor.context.new_page()
    out.goto(f"{visitor.site.site_url}/accounts/logout/")  # knows nothing of drafts
    page.route(re.compile("/diary/"), lambda route: route.abort())
    note(page).fill("Nobody else's business.")
    assert "Nobody" in kept(page)
    out.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(out.get_by_role("link", name="Sign in").first).to_be_visible()
    assert everything_kept(out) == ""
    note(page).fill("Nobody else's business at all.")
    assert everything_kept(page) == ""
    page.evaluate("localStorage.clear()")


@phone
def test_a_page_that_learns_it_is_signed_out_forgets_its_draft(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("dee"))
    visitor.context.clear_cookies(name="sessionid")
    note(page).fill("Nobody else's business.")
    expect(status(page)).to_contain_text("You are signed out")
    assert everything_kept(page) == ""
    note(page).fill("Nobody else's business at all.")
    assert everything_kept(page) == ""


@phone
def test_the_next_signing_in_throws_away_what_an_earlier_one_left(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("dee"))
    visitor.context.set_offline(True)
    note(page).fill("Nobody else's business.")
    page.evaluate("localStorage.setItem('other', 'stays')")
    visitor.context.set_offline(False)
    page.goto("about:blank")
    visitor.context.clear_cookies(name="sessionid")
    page = open_today(visitor, demo.address("eli"))
    assert kept(page) == "other stays"
    expect(offer(page)).to_be_hidden()


@phone
def test_without_a_mouse_a_card_is_filled_in_and_saved(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("eli"))
    keys = Keyboard(page)
    keys.walk()
    keys.skip_to_content()
    keys.press(page.locator(".choice input").first, "Space")
    keys.type_into(activity(page), "making soup")
    keys.tab()
    page.keyboard.press("ArrowRight")  # from "Leave blank"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(strength(page, "before", "3")).to_be_checked()
    keys.type_into(note(page), "It rained.")
    keys.press(save(page))
    expect(status(page)).to_have_text(SAVED)
    # Enter in a line of text saves as well.
    keys.skip_to_content()
    keys.type_into(activity(page), "the bus")
    with page.expect_response(re.compile("/diary/")):
        page.keyboard.press("Enter")
    page.reload()
    expect(activity(page)).to_have_value("the bus")
    expect(strength(page, "before", "3")).to_be_checked()
    visitor.goto(page.url.removeprefix(visitor.site.site_url).rsplit("/", 2)[0] + "/")
    Keyboard(page).walk()


@pytest.mark.parametrize("visitor", [{"viewport": {"width": 320, "height": 640}}], indirect=True)
def test_the_diary_fits_a_small_phone_and_large_text(visitor: Visitor) -> None:
    page = open_today(visitor, demo.address("eli"))
    day = page.url.removeprefix(visitor.site.site_url)
    for path in (day, day.rsplit("/", 2)[0] + "/", day.rsplit("/", 3)[0] + "/"):
        visitor.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        for step in page.locator(".strength__step, .days__day, .card summary").all():
            box = step.bounding_box()
            assert box is not None
            assert (box["height"] >= 44, box["width"] >= 44) == (True, True), path
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        page.set_viewport_size({"width": 640, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 640, path
        page.set_viewport_size({"width": 320, "height": 640})


@without_scripts
def test_without_scripts_a_card_is_saved_and_emptied(visitor: Visitor) -> None:
    page = visitor.page
    visitor.sign_in(demo.address("sam"), demo.PASSWORD)
    visitor.goto("/my/")
    page.locator("main .group-card a").first.click()
    page.get_by_role("link", name=re.compile("practice", re.IGNORECASE)).first.click()
    page.get_by_role("link", name="Open your diary").click()
    page.locator(".choice input").first.check()
    page.locator("label", has=strength(page, "before", "9")).click()
    note(page).fill("It rained.")
    expect(offer(page)).to_be_hidden()
    save(page).click()
    expect(page.get_by_role("status").first).to_have_text("Saved.")
    expect(note(page)).to_have_value("It rained.")
    expect(strength(page, "before", "9")).to_be_checked()
    note(page).fill("x" * 2001)
    save(page).click()
    expect(page.get_by_role("alert")).to_contain_text("The note has 2001 characters; 2,000 fit.")
    expect(note(page)).to_have_value("x" * 2001)
    note(page).fill("")
    page.locator(".choice input").first.uncheck()
    page.locator("label", has=strength(page, "before", "")).click()
    save(page).click()
    expect(page.get_by_role("status").first).to_contain_text("This day is blank again.")
    expect(status(page)).to_have_text("")


@phone
def test_of_two_open_pages_the_later_wins_and_the_other_can_be_brought_back(
    visitor: Visitor,
) -> None:
    page = open_today(visitor, demo.address("bea"))
    other = visitor.context.new_page()
    other.goto(page.url)
    note(page).fill("From the phone.")
    expect(status(page)).to_have_text(SAVED)
    note(other).fill("From the laptop.")
    expect(status(other)).to_contain_text("You had saved this day elsewhere too")
    expect(other.locator("#card-replaced")).to_contain_text("From the phone.")
    with other.expect_response(lambda answer: answer.request.method == "POST"):
        note(other).fill("From the laptop, later.")
    # The pointer stays until its writer has decided.
    expect(status(other)).to_contain_text("You had saved this day elsewhere too")
    expect(other.locator("#card-replaced")).to_contain_text("From the phone.")
    other.get_by_role("button", name="Bring it back").click()
    expect(note(other)).to_have_value("From the phone.")
    expect(other.locator("#card-replaced")).to_contain_text("From the laptop, later.")
    other.get_by_role("button", name="Leave it as it is now").click()
    expect(other.locator("#card-replaced form")).to_have_count(0)
    assert visitor.watch.console == []
