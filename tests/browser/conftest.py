"""One running Grouport with demo data for all browser tests, and a watched page."""

import os
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from sandbox.mailbox import StoredMail, stored_mails
from sandbox.stack import Stack, wait_until
from tests.browser.inspector import EVERYWHERE, PHONE, Inspector, Picture
from tests.postgres import fresh_database


@pytest.fixture(scope="session")
def site(session_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole application on PostgreSQL and Redis, with the demo's groups and people."""
    with (
        fresh_database(migrated=True) as database_url,
        Stack(
            var=tmp_path_factory.mktemp("site"),
            env={"DATABASE_URL": database_url, "REDIS_URL": session_redis_url},
        ) as running,
    ):
        # An empty group that starts in some weeks is within the lead time: its link comes at once.
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE group_sessions_programme SET link_lead_hours = 720")
        yield running


@dataclass
class Watch:
    """What a page must not do: write to the console, fail, or ask another origin."""

    console: list[str] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)

    def attach(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.console.append(f"error: {error}"))
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        # A page that answers 4xx on purpose is reported by Chromium as a failed resource.
        if "the server responded with a status of 4" not in message.text:
            self.console.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https"):
            self.origins.add(f"{parts.scheme}://{parts.netloc}")


@dataclass
class Visitor:
    """Somebody with a browser, an address of their own and a mailbox."""

    site: Stack
    context: BrowserContext
    page: Page
    watch: Watch
    email: str

    def goto(self, path: str) -> None:
        self.page.goto(self.site.site_url + path)

    def mails(self) -> list[StoredMail]:
        """Newest first."""
        return list(stored_mails(self.site.mail_dir, self.email))

    def wait_for_mail(self, subject: str, seconds: float = 20) -> StoredMail:
        """The newest mail whose subject starts with `subject`, as soon as it arrives."""

        def found() -> list[StoredMail]:
            return [mail for mail in self.mails() if mail.subject.startswith(subject)]

        wait_until(lambda: bool(found()), f"a mail “{subject}”", seconds)
        return found()[0]

    def type_code_from_mail(self, subject: str) -> None:
        code = code_in(self.wait_for_mail(subject))
        self.page.locator("input[name=code]").fill(code)
        self.page.get_by_role("main").get_by_role("button").first.click()

    def sign_in(self, email: str, password: str) -> None:
        self.goto("/accounts/login/")
        self.page.locator("input[name=login]").fill(email)
        self.page.locator("input[name=password]").fill(password)
        self.page.get_by_role("button", name=re.compile("^Sign in$")).click()
        show_factor(self.site, self.page, email)
        self.page.wait_for_url(re.compile("/my/|/admin/|/money/|/$"))


def show_factor(site: Stack, page: Page, email: str) -> None:
    """Type the code of the second factor, if this page is the one that asks for it."""
    page.wait_for_load_state()
    if "/accounts/2fa/" not in page.url:
        return
    # A code works once, and there is a new one each half minute: tests do not wait for it.
    with psycopg.connect(site.env["DATABASE_URL"], autocommit=True) as database:
        database.execute("UPDATE mfa_authenticator SET data = data - 'last_step'")
    codes = page.context.new_page()
    codes.goto(f"{site.site_url}/sandbox/codes/")
    code = codes.locator(f"[data-code-of='{email}']").inner_text()
    codes.close()
    page.locator("input[name=code]").fill(code)
    page.get_by_role("main").get_by_role("button").first.click()


def code_in(mail: StoredMail) -> str:
    match = re.search(r"^\s*([A-Z0-9]{4}-?[A-Z0-9]{2,5})\s*$", mail.text, re.MULTILINE)
    if match is None:
        raise AssertionError(f"no code in {mail.text!r}")
    return match.group(1)


@pytest.fixture
def visitor(site: Stack, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """A new visitor; `indirect` parameters are passed to the browser's context."""
    yield from _visitor(site, browser, getattr(request, "param", {"viewport": PHONE}))


def _visitor(site: Stack, browser: Browser, options: dict[str, object]) -> Iterator[Visitor]:
    context = browser.new_context(
        timezone_id="America/Los_Angeles",
        locale="en-US",
        **options,  # type: ignore[arg-type]
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    watch = Watch()
    watch.attach(page)
    yield Visitor(site, context, page, watch, f"{uuid.uuid4().hex[:10]}@example.org")
    context.close()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keep a screenshot when SCREENSHOTS names a folder, for people to look at."""
    folder = os.environ.get("SCREENSHOTS")

    def take(page: Page, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)

    return take


@pytest.fixture
def inspector(visitor: Visitor, picture: Picture, request: pytest.FixtureRequest) -> Inspector:
    """Looks at each page in every way; `indirect` parameters are other ways."""
    return Inspector(visitor, picture, getattr(request, "param", EVERYWHERE))
