"""What a season in a browser is driven by: a member, those who lead, a mailbox and the clock."""

import datetime as dt
import re
import zoneinfo
from collections import Counter
from dataclasses import dataclass, field

from playwright.sync_api import Page, expect

from sandbox import demo_people as demo
from sandbox.mailbox import StoredMail, stored_mails
from sandbox.stack import Stack, wait_until
from tests.browser.conftest import Visitor, show_factor

MEETINGS = "https://meet.jit.si/"
# A kick that was lost is made up for within a minute.
PATIENCE = 75
TUESDAY_LINK = "Your link for Tuesday, 6:00 PM Eastern"
TUESDAY_REMINDER = "Today at 6:00 PM Eastern"


@dataclass
class Season:
    """A member on a phone, whoever leads or plans at a desktop, and what the mailbox must hold."""

    site: Stack
    member: Visitor
    staff: Visitor
    signed_in: str = ""
    owed: Counter[str] = field(default_factory=Counter)

    # --- Time ---

    def press_clock(self, name: str) -> None:
        self.staff.goto("/sandbox/clock/")
        self.staff.page.get_by_role("button", name=name).click()
        expect(self.staff.page.get_by_role("status")).to_contain_text("It is now")

    def go_to(self, moment: dt.datetime) -> None:
        page = self.staff.page
        self.staff.goto("/sandbox/clock/")
        zone = page.locator("html").get_attribute("data-zone")
        local = moment.astimezone(zoneinfo.ZoneInfo(str(zone)))
        page.get_by_label("Date and time").fill(f"{local:%Y-%m-%dT%H:%M}")
        page.get_by_role("button", name="Go there").click()
        expect(page.get_by_role("status")).to_contain_text("It is now")

    def week(self, link: str = TUESDAY_LINK, reminder: str = TUESDAY_REMINDER) -> None:
        """As far as its open door, by way of its two mails."""
        self.press_clock("To the next link mail")
        self.gets(link)
        self.press_clock("To the next open door")
        self.gets(reminder)

    # --- Mail ---

    def mails(self) -> list[StoredMail]:
        """All that the member was sent, oldest first."""
        return list(stored_mails(self.site.mail_dir, demo.ALEX))[::-1]

    def gets(self, *subjects: str) -> None:
        """Wait for these; nothing else may have come."""
        self.owed.update(subjects)
        try:
            wait_until(lambda: len(self.mails()) >= self.owed.total(), str(subjects), PATIENCE)
        finally:
            assert Counter(mail.subject for mail in self.mails()) == self.owed

    def door_in(self, subject: str) -> str:
        """The door in the newest mail of that subject."""
        newest = [mail for mail in self.mails() if mail.subject == subject][-1]
        found = re.search(r"https?://\S+(/join/\S+)", newest.text)
        assert found is not None
        assert MEETINGS not in newest.text + newest.html
        return found.group(1)

    # --- People ---

    def member_opens(self, path: str) -> None:
        """Sign in again, where two weeks without a page have passed."""
        self.member.goto(path)
        if "/accounts/login/" in self.member.page.url:
            sign_in_here(self.member.page, demo.ALEX)

    def leader_opens(self, email: str, path: str) -> None:
        if self.signed_in != email:
            self.staff.context.clear_cookies()
            self.signed_in = email
        self.staff.goto(path)
        if "/accounts/login/" in self.staff.page.url:
            sign_in_here(self.staff.page, email)
            show_factor(self.site, self.staff.page, email)

    def goes_in(self, door: str) -> str:
        """Through an open door; the meeting that it leads to."""
        page = self.member.page
        self.member_opens(door)
        expect(page.get_by_role("heading", level=1)).to_have_text("Your session is open")
        page.locator("select[name=location]").select_option("NY")
        page.get_by_role("button", name="Go in").click()
        page.wait_for_url(re.compile(re.escape(MEETINGS)))
        return page.url

    def finds_closed(self, door: str, opens: str) -> None:
        page = self.member.page
        self.member_opens(door)
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"The door opens {opens}")


def sign_in_here(page: Page, email: str) -> None:
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(demo.PASSWORD)
    page.get_by_role("button", name=re.compile("^Sign in$")).click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
