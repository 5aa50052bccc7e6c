"""The main job as a stranger does it: sign up, reserve, pay, receive the link, find the door."""

import json
import re

import pytest
import requests
from playwright.sync_api import Page, expect

from sandbox.mailbox import StoredMail
from tests.browser.conftest import Visitor
from tests.browser.inspector import EVERYWHERE, NARROW, PHONE, WITHOUT_SCRIPTS, Inspector

# One process of a parallel run takes them all: each would start a site of its own.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("site")]

READERS = {
    "everywhere": (EVERYWHERE, {"viewport": PHONE}),
    "without-scripts": (WITHOUT_SCRIPTS, {"viewport": NARROW, "java_script_enabled": False}),
}


@pytest.mark.parametrize(("inspector", "visitor"), READERS.values(), ids=READERS, indirect=True)
def test_a_stranger_reserves_pays_and_receives_the_weekly_link(
    visitor: Visitor, inspector: Inspector
) -> None:
    page = visitor.page
    choose_group(visitor)
    inspector.look("1-group")
    sign_up(visitor)
    inspector.look("2-about-you")
    tell_about_yourself(page)
    inspector.look("3-agreements")
    agree(page)
    inspector.look("4-pay")
    kept = re.compile(r"Your seat is kept until \d+:\d\d [AP]M Pacific")
    expect(page.get_by_role("main")).to_contain_text(kept)
    pay(visitor)
    inspector.look("6-confirmed")

    confirmation = visitor.wait_for_mail("Your seat is confirmed")
    assert [part.name for part in confirmation.attachments] == ["sessions.ics"]
    link = visitor.wait_for_mail("Your link for")
    door = re.search(r"https?://\S+/join/\S+", link.text)
    assert door is not None

    page.goto(door.group())
    expect(page.get_by_role("main")).to_contain_text(re.compile("opens", re.IGNORECASE))
    inspector.look("7-door")
    visitor.goto("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    expect(page.get_by_role("main")).to_contain_text("$299.00")
    inspector.look("8-my-group")

    assert_mails_are_private(visitor)
    assert_stripe_learns_nothing_personal(visitor)
    inspector.finish()


def choose_group(visitor: Visitor) -> None:
    """An empty group, from the public list."""
    visitor.goto("/?state=FL")
    card = visitor.page.locator("a[href*='/groups/eastern-lunch']").first
    card.click()
    expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
    visitor.page.get_by_role("link", name="Reserve your seat").first.click()


def sign_up(visitor: Visitor, then: str = "/reserve/") -> None:
    page = visitor.page
    page.wait_for_url(re.compile("/accounts/signup/"))
    page.locator("input[name=display_name]").fill("Robin")
    page.locator("input[name=email]").fill(visitor.email)
    page.locator("input[name=password1]").fill("a quiet green garden")
    page.locator("main select[name=time_zone]").select_option("America/Los_Angeles")
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url(re.compile("confirm-email"))
    visitor.type_code_from_mail("Confirm")
    page.wait_for_url(re.compile(then))


def tell_about_yourself(page: Page, state: str = "FL", year: str = "1991") -> None:
    page.locator("input[name=legal_name]").fill("Robin Example")
    for part, value in (("month", "3"), ("day", "28"), ("year", year)):
        page.locator(f"input[name=date_of_birth_{part}]").fill(value)
    page.locator("select[name=state]").select_option(state)
    page.locator("input[name=phone]").fill("555 010 1234")
    page.locator("input[name=emergency_name]").fill("Kit Example")
    page.locator("input[name=emergency_relation]").fill("sister")
    page.locator("input[name=emergency_phone]").fill("555 010 5678")
    page.locator("input[name=has_therapist][value=no]").check()
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_load_state()


def agree(page: Page) -> None:
    for box in page.get_by_role("main").get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name=re.compile("Keep my seat")).click()
    page.wait_for_url(re.compile("/pay/"))


def pay(visitor: Visitor) -> None:
    """On Stripe's page: a declined card first, then one that works, and back."""
    page = visitor.page
    page.get_by_role("button", name="Go on to pay").click()
    page.wait_for_url(re.compile(re.escape(visitor.site.standin_url) + "/pay/"))
    page.get_by_role("button", name=re.compile("declined")).click()
    expect(page.locator("body")).to_contain_text(re.compile("not been charged"))
    page.get_by_role("button", name=re.compile("^Pay")).first.click()
    page.wait_for_url(re.compile(re.escape(visitor.site.site_url) + "/pay/.*/return/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        re.compile("seat is confirmed", re.IGNORECASE)
    )


# What a lock screen, a mail provider or a payment processor must not learn.
CLINICAL = re.compile(
    r"\b(dbt|dialectical|behaviou?r|therap\w*|treatment|diagnos\w*|clinic\w*|mental|disorder"
    r"|distress|emotion\w*|mindful\w*|skills?|patient\w*|facilitator\w*|crisis|suicid\w*)\b",
    re.IGNORECASE,
)
MEETING = re.compile(
    # Whole words: a random token may well contain "zoom".
    r"\bjit\.si\b|\bjitsi\b|\bzoom\b|\bg-[0-9a-f]{16,}",
    re.IGNORECASE,
)


def assert_mails_are_private(visitor: Visitor) -> None:
    """Every mail of this visit: one recipient, neutral words, no meeting, no roster."""
    mails = visitor.mails()
    assert len(mails) >= 3
    for mail in mails:
        assert mail.recipients == [visitor.email]
        words = everything_in(mail)
        assert "988" in mail.text
        assert "988" in mail.html
        assert CLINICAL.findall(words) == []
        assert MEETING.findall(words) == []
        assert re.findall(r"\b(Dana|Luis|Ortega|Reyes|Example)\b", words) == []


def everything_in(mail: StoredMail) -> str:
    attached = [part.content.decode() for part in mail.attachments]
    return "\n".join([mail.subject, mail.sender, mail.text, mail.html, *attached])


def assert_stripe_learns_nothing_personal(visitor: Visitor) -> None:
    """Every request of this site to Stripe: opaque ids and a neutral product."""
    log = requests.get(f"{visitor.site.standin_url}/_control/requests", timeout=10).json()
    asked = [entry for entry in log if entry["path"].startswith("/v1/")]
    assert any(entry["path"] == "/v1/checkout/sessions" for entry in asked)
    for entry in asked:
        words = json.dumps(entry["params"])
        assert CLINICAL.findall(words) == []
        assert MEETING.findall(words) == []
        assert re.findall(r"robin|@|\b555\b|saturday", words, re.IGNORECASE) == []
