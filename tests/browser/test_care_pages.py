"""Sharing one's practice, and what becomes of it, in two browsers: looked at in every way, as in
`test_every_page.py`, and once without JavaScript."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from sandbox import demo_people as demo
from tests.accounts.people import PASSWORD, app_shows
from tests.browser.inspector import EVERYWHERE, NARROW, PHONE, WITHOUT_SCRIPTS, Inspector
from tests.browser.test_every_money_page import run_in_the_shell

# With the other pages, which have a running site.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("pages")]

READERS = {
    "everywhere": (EVERYWHERE, {"viewport": PHONE}),
    "without-scripts": (WITHOUT_SCRIPTS, {"viewport": NARROW, "java_script_enabled": False}),
}
readers = pytest.mark.parametrize(
    ("inspector", "visitor"), READERS.values(), ids=READERS, indirect=True
)

# Somebody in week 2 of a group of their own, whom Luis leads, with a plan, five cards and a goal.
A_MEMBER = """
import datetime as dt, itertools, random
from django.utils import timezone
from accounts.models import User
from practice.models import DiaryEntry, Goal, WeekPlan
from tests.enrollment import builders
builders._numbers = itertools.count(random.randrange(10**6, 10**9))  # nobody has these yet
now = timezone.now()
start = now.replace(minute=0, second=0, microsecond=0) - dt.timedelta(days=8)
before = start - dt.timedelta(days=7)
cohort = builders.a_cohort(starts_at=start, slug="{slug}")
cohort.facilitators.set([User.objects.get(email="{luis}")])
member = builders.a_member("{email}", display_name="Robin", time_zone="America/New_York")
seat = builders.a_confirmed_seat(cohort=cohort, member=member, now=before)
plan = {{
    "skill": "STOP", "activity": "Open the post before it piles up", "area": "home",
    "when": "On Thursday, at the kitchen table", "tool": "A timer for five minutes", "sure": 6,
}}
WeekPlan.objects.create(enrollment=seat, week=2, content=plan, saved_at=now)
for days in range(5):
    card = {{"skills": ["STOP", "TIP"][: 1 + days % 2], "before": 8, "after": 5, "note": "Mine"}}
    DiaryEntry.objects.create(
        enrollment=seat, day=now.date() - dt.timedelta(days=days), content=card, saved_at=now
    )
levels = ["Never", "On one evening", "On two evenings", "On three evenings", "On most evenings"]
Goal.objects.create(
    enrollment=seat, slot=1, content={{"title": "Cook at home", "levels": levels}},
    made_at=now, saved_at=now,
)
"""


@contextmanager
def another_browser(inspector: Inspector) -> Iterator[Page]:
    """A person of their own, watched like the first; the inspector looks at their pages."""
    first = inspector.visitor.page
    browser = inspector.visitor.context.browser
    assert browser is not None
    context = browser.new_context(
        viewport=first.viewport_size,
        java_script_enabled=inspector.looks[0].scripts,
        timezone_id="America/Los_Angeles",
    )
    page = context.new_page()
    inspector.visitor.watch.attach(page)
    inspector.visitor.page = page
    yield page
    inspector.visitor.page = first
    context.close()


def press(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=re.compile(name)).first.click()
    page.wait_for_load_state()


def follow(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("link", name=re.compile(name)).first.click()
    page.wait_for_load_state()


@readers
def test_a_plan_is_shared_made_easier_and_not_shared_any_more(inspector: Inspector) -> None:
    visitor = inspector.visitor
    member, email = visitor.page, visitor.email
    slug = email.partition("@")[0]
    run_in_the_shell(visitor.site, A_MEMBER.format(luis=demo.LUIS, email=email, slug=slug))
    visitor.sign_in(email, PASSWORD)
    visitor.goto("/my/")
    member.get_by_role("main").locator("a[href^='/my/']").first.click()
    follow(member, "Your practice")
    inspector.look("hub")
    follow(member, "Who sees what")
    inspector.look("sharing, nobody")
    invite(inspector, member, f"therapist-of-{email}")
    with another_browser(inspector) as practitioner:
        share = come_in(inspector, practitioner, f"therapist-of-{email}")
        write(inspector, practitioner, share)
        visitor.page = member
        answer(inspector, member)
        visitor.page = practitioner
        practitioner.goto(f"{visitor.site.site_url}{share}plan/")
        expect(practitioner.get_by_text("Taken over")).to_be_visible()
        look_ahead(inspector, slug)
        visitor.page = member
        end(inspector, member)
        visitor.page = practitioner
        follow_or_nav(practitioner, "Goals")
        expect(practitioner.get_by_role("heading", level=1)).to_contain_text("find this page")
        inspector.look("next click")
        practitioner.goto(f"{visitor.site.site_url}/care/")
        inspector.look("care, nobody")
    inspector.finish()


def invite(inspector: Inspector, page: Page, email: str) -> None:
    follow(page, "Share with somebody")
    inspector.look("share")
    press(page, "See what they would see")
    inspector.look("share with errors")
    page.get_by_label("Their name").fill("Sam Ortiz")
    page.get_by_label("Their email address").fill(email)
    page.get_by_label("Occupational therapist").check()
    for part in ("weekly plan", "summary of your diary", "Your goals", "sessions you came to"):
        page.get_by_label(re.compile(part)).check()
    press(page, "See what they would see")
    inspector.look("share, preview")
    press(page, "Sign and invite")
    inspector.look("share, not signed")
    page.get_by_label(re.compile("your signature")).fill("Robin Lee")
    press(page, "Sign and invite")
    expect(page.get_by_text("You have signed.")).to_be_visible()
    inspector.look("sharing, one")
    follow(page, "See, change or end it")
    inspector.look("one consent")
    follow(page, "Change what they see")
    inspector.look("change")
    page.go_back()
    follow(page, "Who sees what")
    follow(page, "Change what they see")
    page.get_by_label(re.compile("Your plan of this week")).check()
    page.get_by_label(re.compile("Your goals")).check()
    inspector.look("leader")
    press(page, "Save")
    follow(page, "Who works on which goal")
    page.get_by_label("Cook at home").select_option(label="With Sam Ortiz")
    inspector.look("goals, with whom")
    press(page, "Save")


def come_in(inspector: Inspector, page: Page, email: str) -> str:
    """By the mail's link, a code, and a second step that is set up on the way; the path."""
    visitor = inspector.visitor
    visitor.email = email
    mail = visitor.wait_for_mail("You are invited to look at a plan")
    link = re.search(r"/care/[0-9a-f-]{36}/", mail.text)
    assert link
    visitor.goto(link[0])
    page.get_by_role("link", name="Send me a sign-in code").click()
    page.locator("input[name=email]").fill(email)
    press(page, "Send the code")
    visitor.type_code_from_mail("Your")
    page.wait_for_url(re.compile("/2fa/"))
    secret = page.locator(".key code").inner_text().replace(" ", "")
    page.locator("input[name=code]").fill(app_shows(secret))
    press(page, "Turn it on")
    follow(page, "I have kept them, go on")
    expect(page.get_by_role("heading", name="Robin Lee")).to_be_visible()
    inspector.look("care, one member")
    return link[0]


def follow_or_nav(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="What is shared").get_by_role("link", name=name).click()
    page.wait_for_load_state()


def write(inspector: Inspector, page: Page, share: str) -> None:
    for name in ("Sessions", "Diary, in short", "Goals", "Weekly plan"):
        follow_or_nav(page, name)
        inspector.look(f"care, {name.lower()}")
    page.get_by_label(re.compile("A way to make it easier")).check()
    press(page, "Send it")
    inspector.look("care, plan with errors")
    page.get_by_label(re.compile("What it changes")).select_option(label="The task itself")
    page.get_by_label("Your words").fill("Begin with three letters, and sit down for it.")
    press(page, "Send it")
    expect(page.get_by_text("Not answered yet")).to_be_visible()
    inspector.look("care, plan with a suggestion")
    page.get_by_label(re.compile("A comment")).check()
    page.get_by_label("Your words").fill("For Alex, on Friday.")
    press(page, "Send it")
    page.locator("summary", has_text="Take it back").last.click()
    inspector.look("care, plan before taking back")
    page.get_by_role("button", name=re.compile("Yes, take it back")).last.click()
    expect(page.get_by_text(re.compile("^Taken back on"))).to_be_visible()
    expect(page.get_by_text("For Alex, on Friday.")).to_have_count(0)
    inspector.look("care, plan with something taken back")
    follow_or_nav(page, "Goals")
    press(page, "We agreed on these steps")
    page.get_by_text(re.compile("^Rate week 1")).click()
    press(page, "Save the rating")
    inspector.look("care, goals with errors")
    page.get_by_label("0: as expected").check()
    page.get_by_label(re.compile("A note")).fill("Twice, with music.")
    press(page, "Save the rating")
    expect(page.get_by_text("Week 1: 0")).to_be_visible()
    inspector.look("care, goals rated")
    inspector.visit("/care/")


def answer(inspector: Inspector, page: Page) -> None:
    page.reload()
    follow(page, "Look at it and answer")
    inspector.look("suggestion")
    press(page, "Yes, put it into my plan")
    expect(page.get_by_role("heading", name="Your plan")).to_be_visible()
    inspector.look("plan, with a suggestion")
    page.locator(".back-link").click()
    follow(page, "Who sees what")
    expect(page.get_by_text(re.compile("Sam Ortiz opened your plan on"))).to_be_visible()
    inspector.look("sharing, with a log")


def look_ahead(inspector: Inspector, slug: str) -> None:
    """What Luis sees before the third session."""
    with another_browser(inspector) as page:
        inspector.visitor.sign_in(demo.LUIS, demo.PASSWORD)
        inspector.visitor.goto(f"/lead/{slug}/3/")
        follow(page, "Who practiced this week")
        inspector.look("leading")
        follow(page, "Open what Robin shares")
        expect(page.get_by_text("Open the post before it piles up")).to_be_visible()
        inspector.look("leading, one member")


def end(inspector: Inspector, page: Page) -> None:
    page.reload()
    follow(page, "See, change or end it")
    press(page, "End it now")
    expect(page.get_by_text(re.compile("from this moment on"))).to_be_visible()
    inspector.look("ended")
    follow(page, "Who sees what")
    inspector.look("sharing, ended")
