"""Every page, on a phone and a desktop, light and dark: axe, width, console, origins, weight.

One walk for each kind of reader, on a phone; at each page the inspector looks in all four ways."""

import datetime as dt
import re

import brotli
import psycopg
import pytest
from django.utils import timezone
from playwright.sync_api import Response

from accounts.encryption import encrypt
from sandbox import demo_people as demo
from tests.browser.conftest import Visitor
from tests.browser.inspector import NARROW, PHONE, Inspector, Look
from tests.browser.test_whole_path import tell_about_yourself

# Two processes of a parallel run share the browser tests, each with a site of its own.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("pages")]

PUBLIC = [
    "/",
    "/?day=1&time=evening&state=HI",
    "/groups/no-such-group/",
    "/time-zone/?next=/?day=1",
    "/accounts/signup/",
    "/accounts/login/",
    "/accounts/login/code/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-x/",
    "/sandbox/mail/",
    "/sandbox/clock/",
]
# Both are in the fourth week of a group, and have written nothing.
BLANK, ERASED = demo.address("yan"), demo.address("bo")
MEMBER = [
    "/my/",
    "/my/profile/",
    "/my/answers/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/join/nobody-has-this/",
]


def test_public_pages(inspector: Inspector) -> None:
    page = inspector.visitor.page
    for path in PUBLIC:
        inspector.visit(path)
    inspector.visitor.goto("/")
    groups = page.locator("main a[href*='/groups/']").evaluate_all(
        "links => [...new Set(links.map(link => link.getAttribute('href')))]"
    )
    assert len(groups) >= 6
    for path in groups:
        inspector.visit(path)
    inspector.visitor.goto("/accounts/signup/")
    page.locator("input[name=email]").fill("not an address")
    page.get_by_role("main").get_by_role("button").first.click()
    inspector.look("/accounts/signup/ with errors")
    inspector.visitor.goto("/sandbox/mail/")
    first_mail = page.locator("main a[href*='/sandbox/mail/']").first.get_attribute("href")
    assert first_mail is not None
    inspector.visit(first_mail)
    inspector.finish()


def test_pages_of_a_member_who_reserves(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.ALEX, demo.PASSWORD)
    for path in MEMBER:
        inspector.visit(path)
    # Not the group that the strangers of the other tests fill up.
    group = page_of_group(inspector, "hawaii-afternoon")
    inspector.visit(f"{group}reserve/")
    page.locator("input[name=legal_name]").fill("")
    page.get_by_role("main").get_by_role("button").first.click()
    inspector.look("reserve with errors")
    if "agreements" not in page.url:
        inspector.visitor.goto(f"{group}reserve/")
        tell_about_yourself(page, state="HI")
    inspector.look("agreements")
    page.get_by_role("button", name=re.compile("Keep my seat")).click()
    inspector.look("agreements with errors")
    inspector.visit("/my/calendar/")
    press = page.get_by_role("main").get_by_role("button")
    press.filter(has_text="Make my").click()
    inspector.look("calendar link, made")
    press.filter(has_text="Turn it off").click()
    inspector.look("calendar link, off")
    inspector.finish()


def test_pages_around_a_full_group_and_a_running_session(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.SAM, demo.PASSWORD)
    full = page_of_group(inspector, "eastern-evening")
    inspector.visit(f"{full}reserve/")
    inspector.visitor.goto(f"{page_of_group(inspector, 'hawaii-afternoon')}reserve/")
    tell_about_yourself(page, state="AK")
    inspector.look("refused, state")
    inspector.visitor.goto("/my/")
    for link in page.locator("main a[href^='/my/']").evaluate_all(
        "links => [...new Set(links.map(link => link.getAttribute('href')))]"
    ):
        inspector.visit(link)
        door = page.locator("main a[href*='/join/']")
        if door.count():
            inspector.visit(str(door.first.get_attribute("href")))
            if page.locator("select[name=location]").count():
                page.locator("select[name=location]").select_option("AK")
                page.get_by_role("main").get_by_role("button").first.click()
                inspector.look("door, another state")
    # No group may admit Sam in Alaska: back, for the tests that come after this one.
    inspector.visitor.goto("/my/answers/")
    page.locator("select[name=state]").select_option("NY")
    page.get_by_role("main").get_by_role("button").first.click()
    inspector.finish()


def test_pages_of_somebody_who_cannot_come(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.SAM, demo.PASSWORD)
    inspector.visitor.goto("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    page.get_by_role("link", name=re.compile("make it to week 4")).click()
    inspector.look("own week")
    page.get_by_role("button", name=re.compile("make it to week 4")).click()
    page.get_by_role("heading", name="Thank you for telling us").wait_for()
    inspector.look("own week, not coming")
    page.get_by_role("button", name=re.compile("Take this chair")).first.click()
    page.get_by_role("heading", name="Your chair in another group").wait_for()
    inspector.look("own week, with a chair")
    page.get_by_role("link", name="Your door to this session").click()
    inspector.look("visitor's door")
    page.get_by_role("link", name="Give the chair back").click()
    page.locator(".back-link").click()
    inspector.look("my group, with a chair elsewhere")
    page.get_by_role("link", name="Give it back").click()
    page.get_by_role("button", name=re.compile("my own session after all")).click()
    page.get_by_role("heading", name=re.compile("make it to week 4")).wait_for()
    inspector.finish()


def test_pages_of_somebody_who_plans_their_week(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(BLANK, demo.PASSWORD)
    inspector.visit("/my/daily-life/")
    page.get_by_role("link", name="Rest and sleep").click()
    inspector.look("area of daily life")
    page.get_by_label("What goes well?").fill("word " * 300)
    page.get_by_role("group", name="How well does it go?").get_by_label("4", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    inspector.look("area of daily life, with errors")
    page.get_by_label("What goes well?").fill("Reading before the light goes out.")
    page.get_by_label("This area matters to me now").check()
    faster = page.context.new_page()
    faster.goto(page.url)
    faster.get_by_label("What goes well?").fill("Weekends.")
    faster.get_by_role("button", name="Save", exact=True).click()
    faster.get_by_role("status").wait_for()
    faster.close()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved now: Weekends").wait_for()
    inspector.look("area of daily life, saved on another page")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("heading", name="Your daily life").wait_for()
    inspector.look("daily life, one area looked at")

    page.get_by_role("link", name="Your practice").click()
    inspector.look("practice")
    page.get_by_role("main").get_by_role("link", name=re.compile("^Plan this")).first.click()
    inspector.look("plan of a week, new")
    page.get_by_label("Something of my own").first.check()
    page.locator("input[name=own]").fill("word " * 300)
    page.get_by_role("button", name="Save the plan").click()
    inspector.look("plan of a week, with errors")
    page.get_by_role("group", name="Which skill?").get_by_role("radio").first.check()
    page.locator("input[name=own]").fill("Water the plants with nothing else on")
    page.get_by_label("When and where?").fill("on the balcony, after breakfast")
    page.get_by_text("Make it easier", exact=True).click()
    page.get_by_label("Use a thing").fill("The watering can by the door")
    page.get_by_role("group", name="How sure are you").get_by_label("5", exact=True).check()
    inspector.look("plan of a week, filled in", also=(Look("narrow", NARROW, "light"),))
    page.get_by_role("button", name="Save the plan").click()
    page.get_by_role("heading", name="Would a smaller step help?").wait_for()
    inspector.look("plan of a week, made")
    page.get_by_label("Partly").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Your practice").click()
    inspector.look("practice, with a plan")
    page.get_by_role("link", name="See your plan").click()
    page.get_by_role("button", name="Skip this week").click()
    inspector.look("plan of a week, skipped")
    page.get_by_role("link", name="Your practice").click()
    inspector.look("practice, skipped")
    inspector.finish()


def test_pages_of_a_member_with_a_diary(inspector: Inspector) -> None:
    page, context = inspector.visitor.page, inspector.visitor.context
    inspector.visitor.sign_in(BLANK, demo.PASSWORD)
    inspector.visitor.goto("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    page.get_by_role("link", name=re.compile("Your practice")).click()
    inspector.look("practice")
    page.get_by_role("link", name="Open your diary").click()
    inspector.look("diary, blank")
    page.locator("a[aria-current=date]").click()
    page.get_by_role("heading", level=1).filter(has_text="Today").wait_for()
    inspector.look("a day, blank")
    other = context.new_page()
    other.goto(page.url)
    for nth in (0, 1):
        page.locator(".choice input").nth(nth).check()
    page.get_by_label("While doing what?").fill("making soup for two, with the radio on")
    page.locator("label", has=page.locator("input[name=before][value='8']")).click()
    page.locator("label", has=page.locator("input[name=after][value='4']")).click()
    page.get_by_label("A note for yourself").fill("The onions did not help.\nThe pause did.")
    page.locator("#card-said").filter(has_text="Saved").wait_for()
    inspector.look("a day, saved by itself")
    other.get_by_label("A note for yourself").fill("From the laptop.")
    other.locator("#card-replaced form").wait_for()
    other.close()
    page.reload()
    inspector.look("a day, saved twice")
    page.get_by_text("Skills of earlier weeks").click()
    page.get_by_label("A note for yourself").fill("x" * 2001)
    page.locator("#card-said").filter(has_text="2,000 fit").wait_for()
    inspector.look("a day, too long")
    page.reload()
    page.locator("[data-draft-offer]").wait_for()
    inspector.look("a day, with a draft")
    page.get_by_role("button", name="Throw it away").click()
    inspector.visitor.goto(page.url.removeprefix(inspector.visitor.site.site_url)[:-11])
    page.get_by_text("Week 4").first.wait_for()
    inspector.look("diary")
    page.locator("details.fold summary").last.click()
    inspector.look("diary, an earlier week")
    page.go_back()
    page.get_by_role("button", name="Bring it back").click()
    page.get_by_role("button", name="Leave it as it is now").click()
    inspector.look("a day, decided")
    page.locator("form.card").evaluate(
        "form => form.querySelectorAll('input:checked').forEach(one => { one.checked = false; })"
    )
    page.get_by_label("While doing what?").fill("")
    page.get_by_label("A note for yourself").fill("")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("This day is blank again").wait_for()
    inspector.look("a day, blank again")
    inspector.finish()


def test_pages_of_goals(inspector: Inspector) -> None:
    page = inspector.visitor.page
    main = page.get_by_role("main")
    inspector.visitor.sign_in(BLANK, demo.PASSWORD)
    practice = practice_of(inspector)
    inspector.visit(practice)
    inspector.visit(f"{practice}goals/")
    inspector.visit(f"{practice}goals/new/")
    page.get_by_role("button", name="Save the goal").click()
    inspector.look("new goal with errors")
    page.locator("textarea[name=title]").fill("Cook dinner at home")
    page.locator("textarea[name=expected]").fill("On two evenings of the week")
    page.locator("textarea[name=more]").fill("On three evenings of the week")
    page.locator("textarea[name=less]").fill("On one evening of the week")
    page.locator("textarea[name=much_less]").fill("I only warm things up " + 60 * "w")
    page.get_by_role("button", name="Save the goal").click()
    page.get_by_text("Your goal is saved").wait_for()
    page.get_by_role("link", name=re.compile("Look at it.*week 1")).click()
    page.get_by_role("button", name="Save", exact=True).click()
    inspector.look("look at a goal with errors")
    page.get_by_label(re.compile("A little less than expected")).check()
    page.locator("textarea[name=note]").fill("Mondays are hard; Fridays go well.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved. You can correct it").wait_for()
    main.locator("summary").click()
    inspector.look("goals")
    page.get_by_role("link", name=re.compile("Correct it")).click()
    inspector.look("look at a goal")
    inspector.visitor.page.goto(page.url.replace("weeks/1/", "weeks/12/"))
    inspector.look("look at a goal, not yet")
    page.locator(".back-link").click()
    main.get_by_role("link", name=re.compile("Change it")).click()
    inspector.look("change a goal")
    note_days(inspector)
    inspector.visit(f"{practice}progress/")
    for summary in main.locator("summary").all():
        summary.click()
    inspector.look("progress with its tables")
    inspector.visitor.goto(f"{practice}goals/")
    main.get_by_role("link", name=re.compile("End it")).click()
    inspector.look("end a goal")
    page.get_by_role("button", name="End this goal").click()
    page.get_by_text("The goal is ended").wait_for()
    main.locator("section li a").first.click()
    inspector.look("ended goal")
    inspector.finish()


def test_pages_of_a_practice_that_is_lived_in(inspector: Inspector) -> None:
    """Sam's weeks, as Sam, the therapist and whoever leads the group see them."""
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.SAM, demo.PASSWORD)
    practice = practice_of(inspector)
    for name in ("", "diary/", "goals/", "progress/", "sharing/"):
        inspector.visit(f"{practice}{name}")
    for number in (1, 2, 3):
        inspector.visit(f"{practice}weeks/{number}/")
    inspector.visit("/my/daily-life/")
    inspector.visit("/my/daily-life/home/")
    inspector.visitor.goto(practice)
    page.get_by_role("link", name="Ora Lindqvist suggests").click()
    inspector.look("suggestion that waits")

    sign_out(inspector)
    inspector.visitor.sign_in(demo.ORA, demo.PASSWORD)
    inspector.visit("/care/")
    page.get_by_role("main").get_by_role("link", name="Sam").first.click()
    parts = page.get_by_role("navigation", name="What is shared").get_by_role("link")
    parts.first.wait_for()
    inspector.look("care, lived in")
    for path in parts.evaluate_all("links => links.map(link => link.getAttribute('href'))"):
        inspector.visit(path)

    sign_out(inspector)
    inspector.visitor.sign_in(demo.DANA, demo.PASSWORD)
    inspector.visitor.goto("/lead/")
    group = str(page.locator("main a[href^='/lead/today-']").first.get_attribute("href"))
    inspector.visit(f"/lead/{group.split('/')[2]}/3/practice/")
    for words in ("Sam: Practiced this week", "Ari: Practiced this week", "Bea: Nothing noted"):
        page.get_by_role("listitem").filter(has_text=words).wait_for()
    page.get_by_role("link", name="Open what Sam shares").click()
    inspector.look("leading, lived in")
    inspector.finish()


def test_pages_of_practice_before_it_begins(inspector: Inspector) -> None:
    inspector.visitor.sign_in(demo.KIM, demo.PASSWORD)
    practice = practice_of(inspector)
    inspector.visit(f"{practice}goals/")
    inspector.visit(f"{practice}progress/")
    inspector.finish()


def practice_of(inspector: Inspector) -> str:
    """The address of the practice in the first of one's groups."""
    page = inspector.visitor.page
    inspector.visitor.goto("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    link = page.locator("main a[href$='/practice/']")
    return str(link.get_attribute("href"))


def note_days(inspector: Inspector) -> None:
    """Some cards and a plan of whoever is signed in, as rows."""
    seat = inspector.visitor.page.url.split("/my/")[1].split("/")[0]
    now = timezone.now()
    card = "INSERT INTO practice_diaryentry (enrollment_id, day, content, saved_at, revision) "
    plan = (
        "INSERT INTO practice_weekplan (enrollment_id, week, content, skipped, saved_at, revision) "
    )
    whose = " FROM enrollment_enrollment WHERE public_id = %s ON CONFLICT DO NOTHING"
    skills = ("Wise mind", "STOP", "TIP", "Radical acceptance and turning the mind")
    with psycopg.connect(inspector.visitor.site.env["DATABASE_URL"], autocommit=True) as database:
        for day in range(0, 16, 2):
            content = encrypt(
                {
                    "skills": [skills[day % 4], "STOP"],
                    "before": 8,
                    "after": 3 + day % 5,
                    "area": "home",
                }
            )
            database.execute(
                f"{card} SELECT id, %s, %s, %s, 1{whose}",
                (now.date() - dt.timedelta(days=day), content, now, seat),
            )
        content = encrypt(
            {"skill": "STOP", "activity": "Open the post", "area": "work", "outcome": "done"}
        )
        database.execute(f"{plan} SELECT id, 2, %s, false, %s, 1{whose}", (content, now, seat))


def test_pages_of_somebody_who_leads(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.LUIS, demo.PASSWORD)
    inspector.visit("/lead/")
    for link in page.locator("main a[href^='/lead/']").evaluate_all(
        "links => [...new Set(links.map(link => link.getAttribute('href')))]"
    ):
        inspector.visit(link)
    inspector.visitor.goto("/lead/")
    page.get_by_role("heading", name="Attendance still open").locator("..").get_by_role(
        "link"
    ).first.click()
    marks = page.locator("select[name$=mark]")
    marks.first.select_option("late")
    page.locator("input[name$=late_minutes]").first.fill("40")
    page.get_by_role("button", name="Save", exact=True).click()
    inspector.look("register with errors")
    page.get_by_role("link", name="Change the dates").click()
    page.get_by_label("Cancel it without another week").check()
    page.get_by_role("button", name="See what it means").click()
    inspector.look("change of the dates, preview")
    page.get_by_role("button", name="Back, change something").click()
    page.get_by_label("Move this one session").check()
    page.get_by_role("button", name="See what it means").click()
    inspector.look("change of the dates, with errors")
    inspector.finish()


def test_pages_on_which_leaders_and_links_are_changed(inspector: Inspector) -> None:
    page = inspector.visitor.page
    see, confirm = "See what it means", page.locator("button[name=confirm]")

    inspector.visitor.sign_in(demo.LUIS, demo.PASSWORD)
    group = roster_of(inspector, "central-morning")
    page.get_by_role("link", name="Name a substitute").click()
    inspector.look("substitute")
    page.locator("select[name=number]").select_option(index=1)
    page.get_by_role("button", name=see).click()
    inspector.look("substitute with errors")
    page.locator("select[name=substitute]").select_option(label="Mei Tanaka, PsyD")
    page.get_by_role("button", name=see).click()
    inspector.look("substitute, preview")
    confirm.click()
    inspector.look("roster with its history")
    # The next session is within a week, so it is open for the substitute; the other is not yet.
    inspector.visitor.goto(f"{group}leaders/")
    page.locator("select[name=substitute]").select_option(label="Mei Tanaka, PsyD")
    page.get_by_role("button", name=see).click()
    confirm.click()
    page.get_by_role("link", name="Change the meeting link").click()
    page.locator("input[name=url]").fill("http://meet.example/room")
    page.get_by_role("button", name=see).click()
    inspector.look("link with errors")
    page.locator("input[name=url]").fill(
        "https://meet.example/a-room-with-a-long-name?pwd=" + 9 * "x"
    )
    page.get_by_role("button", name=see).click()
    inspector.look("link, preview")
    inspector.visit("/lead/")

    sign_out(inspector)
    inspector.visitor.sign_in(demo.MEI, demo.PASSWORD)
    inspector.visitor.goto("/lead/")
    inspector.look("desk of a substitute")
    page.get_by_role("heading", name="Where you lead").locator("..").get_by_role("link").click()
    inspector.look("register of a substitute")

    sign_out(inspector)
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit(f"{group}leaders/change/")
    page.get_by_role("button", name=see).click()
    inspector.look("leaders as they are")
    page.get_by_label("Dana Reyes").check()
    page.get_by_label("Luis Ortega").uncheck()
    page.get_by_role("button", name=see).click()
    inspector.look("leaders, preview")
    for nth in (0, 1):
        inspector.visitor.goto(f"{group}leaders/")
        page.locator("select[name=number]").select_option(index=nth)
        page.locator("select[name=substitute]").select_option(value="0")
        page.get_by_role("button", name=see).click()
        inspector.look("withdrawing a substitute, preview")
        confirm.click()
    inspector.finish()


def roster_of(inspector: Inspector, key: str) -> str:
    """Open it from the desk; return its path."""
    inspector.visitor.goto("/lead/")
    link = inspector.visitor.page.locator(f"main a[href^='/lead/{key}']").last
    path = str(link.get_attribute("href"))
    inspector.visit(path)
    return path


def sign_out(inspector: Inspector) -> None:
    inspector.visitor.context.clear_cookies()


def test_pages_of_somebody_who_writes_to_a_group(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.LUIS, demo.PASSWORD)
    inspector.visitor.goto("/lead/")
    page.get_by_role("heading", name="Your groups").locator("..").get_by_role("link").first.click()
    page.get_by_role("link", name="Messages to the group").click()
    inspector.look("messages")
    page.get_by_role("link", name="Write a message").click()
    inspector.look("new message")
    page.get_by_label("Only those I choose").check()
    page.get_by_label("Your message").fill(f"Your therapist is at https://zoom.us/j/{'5' * 80}.")
    page.get_by_label("At a date and time").check()
    page.get_by_role("button", name="See the mail").click()
    inspector.look("new message with errors")
    page.locator("input[name=chosen]").first.check()
    page.get_by_label("Your message").fill("We start ten minutes later.\n\nBring a pen, please.")
    page.get_by_label("Right away").check()
    page.get_by_role("button", name="See the mail").click()
    inspector.look("message, preview")
    page.get_by_role("button", name="Send the message").click()
    inspector.look("message on its way")
    page.get_by_role("link", name="Messages to the group").click()
    page.get_by_role("link", name="Write a message").click()
    page.get_by_label("Everybody in the group").check()
    page.get_by_label("Your message").fill("A reminder: no session next week.")
    page.get_by_label("At a date and time").check()
    page.locator("input[name=day]").fill(f"{timezone.now() + dt.timedelta(days=3):%Y-%m-%d}")
    page.locator("input[name=wall_time]").fill("09:00")
    page.get_by_role("button", name="See the mail").click()
    inspector.look("scheduled message, preview")
    page.get_by_role("button", name="Schedule the message").click()
    inspector.look("message scheduled")
    page.get_by_role("link", name="Cancel this message").click()
    inspector.look("message, cancel")
    page.get_by_role("button", name="Cancel the message").click()
    inspector.look("message cancelled")
    page.get_by_role("link", name="Messages to the group").click()
    inspector.look("messages written")
    inspector.finish()


def test_pages_of_an_admin_who_plans(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit("/plan/")
    inspector.visit("/plan/?state=completed")
    inspector.visit("/plan/new/")
    page.get_by_role("button", name=re.compile("Save the draft")).click()
    inspector.look("new group with errors")
    page.locator("input[name=name]").fill("Thursday evenings")
    page.locator("input[name=first_date]").fill("2027-10-07")
    page.locator("input[name=wall_time]").fill("18:00")
    page.locator("input[name=admitted_states]").fill("CA, NY")
    page.get_by_role("button", name=re.compile("Save the draft")).click()
    page.get_by_role("button", name=re.compile("Skip this date .November 25")).click()
    page.get_by_role("button", name=re.compile("Hold it after all .November 25")).wait_for()
    inspector.look("draft")
    page.get_by_role("link", name="Edit the draft").click()
    page.locator("input[name=seen]").evaluate("field => { field.value = 'older'; }")
    page.locator("input[name=wall_time]").fill("10:00")
    page.get_by_role("button", name=re.compile("Save the draft")).click()
    page.get_by_text("Saved now: 6:00 PM.").wait_for()
    inspector.look("draft that somebody else has changed")
    page.go_back()
    page.go_back()
    page.get_by_role("button", name="Publish").click()
    inspector.look("draft that cannot be published")
    page.locator("input[name=capacity]").fill("99")
    page.get_by_role("button", name="Change the seats").click()
    inspector.look("seats with errors")
    inspector.visitor.goto("/plan/?state=running")
    page.locator(".season th a").first.click()
    inspector.look("running group")
    page.get_by_role("link", name="Copy to the next season").click()
    inspector.look("next season")
    page.go_back()
    page.get_by_role("link", name="Another like this").click()
    inspector.look("another like it")
    inspector.finish()


def test_pages_about_a_member_for_those_who_lead(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.DANA, demo.PASSWORD)
    inspector.visitor.goto("/lead/")
    page.get_by_role("heading", name="Your groups").locator("..").get_by_role("link").first.click()
    inspector.look("roster with names that lead on")
    page.locator(".matrix__name").first.click()
    inspector.look("member")
    at = page.url.removeprefix(inspector.visitor.site.site_url)
    page.get_by_role("button", name="Show their answers").click()
    page.get_by_text("Emergency contact", exact=True).wait_for()
    inspector.look("member with answers")
    page.get_by_role("link", name="Hide them again").click()
    page.get_by_text("You last looked").wait_for()
    page.go_back()
    page.get_by_text("Emergency contact", exact=True).wait_for()
    page.reload()
    page.get_by_text("Emergency contact", exact=True).wait_for()
    inspector.visitor.context.clear_cookies()
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit(at)
    assert page.get_by_text("Who looked at these answers").is_visible()
    inspector.finish()


def test_pages_of_a_leader_who_plans(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.DANA, demo.PASSWORD)
    page.get_by_role("link", name="Plan", exact=True).click()
    inspector.look("planner, season")
    page.get_by_role("link", name="New group").click()
    inspector.look("planner, new group")
    page.get_by_role("button", name=re.compile("Save the draft")).click()
    inspector.look("planner, new group with errors")
    page.locator("input[name=name]").fill("Thursday evenings")
    page.locator("input[name=first_date]").fill("2027-10-07")
    page.locator("input[name=wall_time]").fill("18:00")
    page.locator("input[name=admitted_states]").fill("CA, NY")
    page.get_by_role("button", name=re.compile("Save the draft")).click()
    page.get_by_role("heading", name="Twelve dates").wait_for()
    inspector.look("planner, draft")
    inspector.finish()


def test_pages_of_an_admin_who_writes_the_curriculum(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit("/curriculum/")
    page.get_by_role("link", name="Version 1 of").click()
    inspector.look("curriculum, published without a tick")
    page.locator(".back-link").click()
    page.get_by_role("button", name="Start a new version").click()
    inspector.look("curriculum, draft")
    page.get_by_role("link", name="Edit week 1", exact=True).click()
    inspector.look("curriculum, week")
    page.get_by_label("Title").fill("")
    page.get_by_label("Skills").fill("")
    page.get_by_role("button", name="Save week 1").click()
    inspector.look("curriculum, week with errors")
    page.get_by_label("Title").fill("Noticing where you are")
    page.get_by_label("Skills").fill("Wise mind\nStates of mind")
    page.locator("input[name=seen]").evaluate("field => { field.value = 'older'; }")
    page.get_by_role("button", name="Save week 1").click()
    page.get_by_text("Saved now:").first.wait_for()
    inspector.look("curriculum, week that somebody else has changed")
    page.get_by_label("Title").fill("Noticing where you are")
    page.get_by_role("button", name="Save week 1").click()
    inspector.look("curriculum, draft with a difference")
    page.get_by_role("link", name="See what publishing changes").click()
    inspector.look("curriculum, publication without a tick")
    page.locator(".back-link").click()
    page.get_by_role("link", name="A clinician has read it").click()
    page.get_by_role("button", name="Note the approval").click()
    inspector.look("curriculum, tick with errors")
    page.get_by_label("Name and license").fill("Ana Diaz, PsyD, California PSY 12345")
    page.get_by_label("A licensed clinician has read").check()
    page.get_by_role("button", name="Note the approval").click()
    page.get_by_role("link", name="Edit week 1", exact=True).click()
    inspector.look("curriculum, week with a tick to lose")
    page.locator(".back-link").click()
    page.get_by_role("link", name="See what publishing changes").click()
    inspector.look("curriculum, publication")
    page.locator(".back-link").click()
    page.get_by_role("link", name="Throw the draft away").click()
    inspector.look("curriculum, throwing away")
    page.get_by_role("button", name="Throw it away").click()
    inspector.look("curriculum, thrown away")
    inspector.finish()


def test_pages_about_ones_own_data(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(ERASED, demo.PASSWORD)
    inspector.visitor.goto("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    page.get_by_role("link", name=re.compile("Your practice")).click()
    inspector.look("practice")
    inspector.visitor.goto("/my/profile/")
    page.get_by_role("link", name="Your data").click()
    inspector.look("own data")
    inspector.visit("/my/data/erase/everything/")
    # One's own seat, with something written in it.
    with psycopg.connect(inspector.visitor.site.env["DATABASE_URL"], autocommit=True) as database:
        database.execute(
            "INSERT INTO practice_sharedwithleader (enrollment_id, parts, saved_at)"
            " SELECT id, '[\"plan\"]', now() FROM enrollment_enrollment"
            " WHERE confirmed_at IS NOT NULL"
            " AND member_id = (SELECT id FROM accounts_user WHERE email = %s) LIMIT 1"
            " ON CONFLICT DO NOTHING",
            [ERASED],
        )
    inspector.visit("/my/data/")
    page.get_by_role("link", name="All of it").click()
    inspector.look("erase everything")
    page.get_by_role("button", name="Erase all of it").click()
    page.get_by_text("What you wrote in your practice is erased.").wait_for()
    inspector.look("own data, erased")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download my data").click()
    assert download.value.suggested_filename == "my-data.zip"
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("Download it")).first.click()
    assert download.value.suggested_filename == "plan.fhir.json"
    console = inspector.visitor.watch.console
    console[:] = [line for line in console if "Cleared data types" not in line]  # as it should
    inspector.finish()


def page_of_group(inspector: Inspector, key: str) -> str:
    inspector.visitor.goto("/")
    link = inspector.visitor.page.locator(f"main a[href*='/groups/{key}']").first
    return str(link.get_attribute("href"))


@pytest.mark.parametrize("visitor", [{"viewport": PHONE}], indirect=True)
def test_a_public_page_weighs_less_than_60_kilobytes(visitor: Visitor) -> None:
    """As sent over the wire, all parts together; the development server compresses nothing, so
    each part is counted as brotli would send it."""
    responses: list[Response] = []
    visitor.page.on("response", lambda response: responses.append(response))
    visitor.goto("/")
    visitor.page.wait_for_load_state("networkidle")  # the first visit learns the time zone
    responses.clear()
    visitor.goto("/")
    visitor.page.wait_for_load_state("networkidle")
    weight = sum(len(brotli.compress(response.body(), quality=5)) for response in responses)
    assert 5_000 < weight < 60_000
