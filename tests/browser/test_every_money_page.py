"""Every page about money, on a phone and on a desktop, in both themes: as `test_every_page.py`."""

import os
import re
import subprocess
import sys
import uuid
from typing import Any, LiteralString

import psycopg
import pytest
from playwright.sync_api import Page, expect

from sandbox import demo_people as demo
from sandbox.stack import Stack, wait_until
from tests.browser.conftest import show_factor
from tests.browser.inspector import Inspector
from tests.browser.test_every_page import page_of_group, sign_out
from tests.browser.test_whole_path import agree, choose_group, sign_up, tell_about_yourself

# A process of its own in a parallel run, with a site of its own.
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("money-pages")]

RECOVERY_CODES = ("/accounts/2fa/recovery-codes/", "/accounts/2fa/recovery-codes/generate/")


def test_pages_of_somebody_who_pays_in_parts(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.goto(page_of_group(inspector, "hawaii-afternoon"))
    page.get_by_role("link", name="Reserve your seat").first.click()
    sign_up(inspector.visitor)
    tell_about_yourself(page, state="HI")
    agree(page)
    page.get_by_label(re.compile("In 3 parts")).check()
    inspector.look("pay, in parts")
    page.get_by_role("button", name="Go on to pay").click()
    page.get_by_role("button", name=re.compile("^Pay")).first.click()
    page.get_by_role("heading", name="Your seat is confirmed").wait_for()
    inspector.look("confirmed, in parts")
    page.get_by_role("link", name="Go to my group").click()
    inspector.look("my group, in parts")
    page.get_by_role("link", name="Your three payments").click()
    inspector.look("payments")
    page.get_by_role("button", name=re.compile("Pay part 2 now")).click()
    page.get_by_role("button", name=re.compile("^Pay")).first.click()
    page.get_by_role("button", name=re.compile("Pay part 3 now")).wait_for()
    inspector.look("payments, one more part paid")
    inspector.finish()


def test_pages_around_a_waitlist(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.ALEX, demo.PASSWORD)
    group = page_of_group(inspector, "eastern-evening")
    inspector.visitor.goto(f"{group}waitlist/about-you/")
    inspector.look("about you, to wait")
    tell_about_yourself(page, state="NY")
    inspector.look("join the waitlist")
    page.get_by_role("button", name="Join the waitlist").click()
    page.get_by_role("heading", name=re.compile("in line")).wait_for()
    inspector.look("my group, waiting")
    inspector.visit(group)
    inspector.visit("/my/")
    page.get_by_role("main").get_by_role("link", name=re.compile("evenings")).first.click()
    page.get_by_role("link", name="Leave the waitlist").click()
    inspector.look("leave the waitlist")
    page.get_by_role("button", name="Leave the waitlist").click()
    inspector.look("my group, after waiting")

    sign_out(inspector)
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    slug = group.strip("/").split("/")[-1]
    inspector.visit(f"/lead/{slug}/")
    page.get_by_role("link", name=re.compile("Waitlist:")).click()
    inspector.look("waitlist, of the roster")
    inspector.visit(f"/plan/{slug}/")
    page.get_by_role("link", name=re.compile("Waitlist:")).click()
    page.locator(".back-link").click()
    page.locator("input[name=capacity]").fill("9")
    page.get_by_role("button", name="Change the seats").click()
    page.get_by_role("link", name=re.compile("Waitlist:")).click()
    page.get_by_text("Offered until").first.wait_for()
    inspector.look("waitlist, with an offer")
    page.get_by_role("link", name=re.compile("Take off Ren")).click()
    inspector.look("take an offer back")
    page.get_by_role("button", name="Take them off the list").click()
    inspector.look("take an offer back, with errors")
    page.locator(".back-link").click()
    page.get_by_role("link", name=re.compile("Offer now")).first.click()
    inspector.look("offer now, without a seat")

    sign_out(inspector)
    inspector.visitor.sign_in(demo.address("Ren"), demo.PASSWORD)
    inspector.visit("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    inspector.look("my group, with an offer")
    page.get_by_role("link", name="See the seat and say yes").click()
    inspector.look("offer")
    page.get_by_role("button", name="Take the seat and go to payment").click()
    inspector.look("offer with errors")
    page.get_by_role("link", name="Say no to this seat").click()
    inspector.look("say no to a seat")
    inspector.visit(group)
    inspector.finish()


def test_papers(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.SAM, demo.PASSWORD)
    inspector.visitor.goto("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    page.get_by_role("link", name="Receipt and other papers").click()
    inspector.look("papers")
    at = page.url.removeprefix(inspector.visitor.site.site_url)
    for kind in ("receipt", "superbill", "estimate"):
        inspector.visit(f"{at}{kind}/")
        page.get_by_role("button", name="Print").wait_for()
        assert tables_wider_than_their_frame(page) == 0
        page.emulate_media(media="print")
        inspector.picture(page, f"printed-{kind}")
        assert page.get_by_text("988").first.is_hidden()
        page.emulate_media(media="screen")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert re.fullmatch(r"estimate-E-\d{4}-\d{6}\.pdf", download.value.suggested_filename)
    sign_out(inspector)
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    desk = f"/money/enrolments/{at.split('/')[2]}"
    inspector.visit(f"{desk}/receipt/")
    inspector.visit(f"{desk}/superbill/")
    page.get_by_role("button", name="Show the superbill").click()
    inspector.look("superbill, shown to an admin")
    inspector.finish()


def test_pages_on_which_money_goes_back(inspector: Inspector) -> None:
    page = inspector.visitor.page
    with psycopg.connect(inspector.visitor.site.env["DATABASE_URL"], autocommit=True) as database:
        seat = a_seat_of_400_dollars(database)
        path = f"/money/enrolments/{seat}/refund/"
        see = page.get_by_role("button", name="See what it means")
        inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
        inspector.visit(path)
        see.click()
        inspector.look("refund with errors")
        page.get_by_label("By the policy").check()
        page.get_by_label("It is free again from now on").check()
        see.click()
        inspector.look("refund, rehearsal")
        page.get_by_role("button", name="Back, change something").click()
        page.get_by_label("Another amount").check()
        page.get_by_label("Amount in dollars").fill("1.00")
        page.get_by_label("They keep it").check()
        see.click()
        page.locator("input[name=seen]").evaluate("field => { field.value = 'older'; }")
        page.locator("button[name=confirm]").click()
        inspector.look("refund, stale page")
        before = refunds_of(database, seat)
        page.locator("button[name=confirm]").click()
        inspector.look("seat at the desk, refund on its way")
        page.go_back()
        page.get_by_role("heading", name="Look before you press").wait_for()
        page.locator("button[name=confirm]").click()
        page.get_by_text("$1.00 is on its way back.").wait_for()
        assert refunds_of(database, seat) == before + 1
        # Stripe's stand-in does not know this payment, so it fails.
        failed = waited_for(
            database,
            "SELECT uuid FROM billing_refund WHERE status = 'failed' AND resolved_at IS NULL",
        )
        inspector.visit(f"/money/refunds/{failed}/")
        inspector.look("failed refund, the ways on")
        inspector.visit(f"/money/refunds/{failed}/?way=again")
        inspector.visit(f"/money/refunds/{failed}/?way=not-owed")
        inspector.visit(f"/money/refunds/{failed}/?way=paid")
        page.get_by_role("button", name="It is paid").click()
        inspector.look("failed refund with errors")
        page.get_by_label("How was it paid?").fill("Check 1042")
        page.get_by_role("button", name="It is paid").click()
        inspector.visit(f"/money/refunds/{failed}/")
        inspector.visitor.goto(path)
        page.get_by_label("Everything that is left").check()
        page.get_by_label("It is free again from now on").check()
        see.click()
        page.get_by_role("button", name="Ask a second person").click()
        inspector.look("decision that waits, for who made it")
        decision = page.url
        database.execute(
            "UPDATE billing_refunddecision SET made_by_id = (SELECT id FROM accounts_user "
            "WHERE email = %s) WHERE status = 'waiting'",
            [demo.DANA],
        )
        page.goto(decision)
        inspector.look("decision that waits, for a second person")
        page.get_by_role("button", name="Decline").click()
        page.goto(decision)
        inspector.look("decision, declined")
    inspector.finish()


def refunds_of(database: "psycopg.Connection[tuple[Any, ...]]", seat: str) -> int:
    found = database.execute(
        "SELECT count(*) FROM billing_refund r JOIN enrollment_enrollment e"
        " ON e.id = r.enrollment_id WHERE e.public_id = %s",
        [seat],
    ).fetchone()
    assert found is not None
    return int(found[0])


def a_seat_of_400_dollars(database: "psycopg.Connection[tuple[Any, ...]]") -> str:
    """A member's seat whose payment is above what one person may give back."""
    seats = database.execute(
        "SELECT enrollment.id, enrollment.public_id FROM enrollment_enrollment enrollment "
        "JOIN accounts_user ON accounts_user.id = member_id "
        "WHERE email = %s AND status = 'active'",
        [demo.KIM],
    )
    pk, seat = seats.fetchall()[0]
    database.execute(
        "UPDATE billing_payment SET amount_cents = 40000, "
        "stripe_payment_intent_id = 'pi_nobody_knows' WHERE enrollment_id = %s",
        [pk],
    )
    database.execute(
        "INSERT INTO billing_ledgerentry "
        "(enrollment_id, kind, amount_cents, currency, at, stripe_id, reason, key) "
        "SELECT %s, 'adjustment', 40000 - coalesce(sum(amount_cents), 0), 'usd', now(), '', '', "
        "'browser:' || gen_random_uuid() FROM billing_ledgerentry WHERE enrollment_id = %s "
        "AND kind <> 'fee' "
        "HAVING coalesce(sum(amount_cents), 0) <> 40000",
        [pk, pk],
    )
    return str(seat)


def waited_for(database: "psycopg.Connection[tuple[Any, ...]]", query: LiteralString) -> str:
    """The first value that the query finds, once it finds one."""
    wait_until(lambda: bool(database.execute(query).fetchall()), query, seconds=20)
    return str(database.execute(query).fetchall()[0][0])


def test_pages_of_codes_and_prices(inspector: Inspector) -> None:
    """The desk makes a code and gives a free place; a member uses the one, another the other."""
    page, code = inspector.visitor.page, f"PAGES-{uuid.uuid4().hex[:8].upper()}"
    see = page.get_by_role("button", name="See what it means")
    confirm = page.locator("button[name=confirm]")
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit("/money/codes/")
    page.get_by_role("link", name="New code").click()
    inspector.look("new code")
    see.click()
    inspector.look("new code with errors")
    page.locator("input[name=code]").fill(code)
    page.get_by_label("A part, in percent").check()
    page.locator("input[name=percent]").fill("25")
    page.locator("input[name=limit]").fill("20")
    see.click()
    inspector.look("new code, preview")
    confirm.click()
    inspector.look("codes")
    assert tables_wider_than_their_frame(page) == 0
    page.get_by_role("link", name=f"End {code}").click()
    inspector.look("end a code")
    inspector.visitor.context.clear_cookies()
    choose_group(inspector.visitor)
    sign_up(inspector.visitor)
    tell_about_yourself(page)
    agree(page)
    page.get_by_text("Have a code?").click()
    page.get_by_label("Code", exact=True).fill("NOBODYS-CODE")
    page.get_by_role("button", name="Use this code").click()
    inspector.look("pay, code with errors")
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Use this code").click()
    inspector.look("pay with a code")
    back = page.url
    inspector.visitor.context.clear_cookies()
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit(f"/money/prices/?q={inspector.visitor.email}")
    page.get_by_role("link", name="Give a price").click()
    inspector.look("give a price")
    see.click()
    inspector.look("give a price with errors")
    page.locator("input[name=price]").fill("0")
    page.locator("input[name=reason]").fill("A hard year.")
    see.click()
    inspector.look("give a price, preview")
    confirm.click()
    inspector.look("prices")
    page.get_by_role("link", name="End the price").first.click()
    inspector.look("end a price")
    inspector.visitor.context.clear_cookies()
    inspector.visitor.sign_in(inspector.visitor.email, "a quiet green garden")
    page.goto(back)
    inspector.look("pay, free place")
    page.get_by_role("button", name="Confirm my seat").click()
    page.get_by_role("heading", name="Your seat is confirmed").wait_for()
    inspector.look("free place, confirmed")
    page.get_by_role("link", name="Go to my group").click()
    inspector.look("my group, free place")
    inspector.finish()


def test_pages_of_the_second_step(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.ALEX, demo.PASSWORD)
    inspector.visit("/accounts/2fa/")
    page.get_by_role("link", name="Set it up").click()
    inspector.look("second step, set up")
    page.locator("input[name=code]").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    inspector.look("second step, set up with errors")
    inspector.visitor.context.clear_cookies()

    inspector.visitor.goto("/money/")
    page.locator("input[name=login]").fill(demo.NOOR)
    page.locator("input[name=password]").fill(demo.PASSWORD)
    page.get_by_role("button", name=re.compile("^Sign in$")).click()
    page.get_by_role("heading", name="The code from your app").wait_for()
    inspector.look("second step, code")
    page.get_by_text("The phone is not at hand").click()
    page.locator("input[name=code]").fill("000000")
    page.get_by_role("button", name="Sign in").click()
    inspector.look("second step, wrong code")
    show_factor(inspector.visitor.site, page, demo.NOOR)
    page.wait_for_url(re.compile("/money/"))
    for path in ("/accounts/2fa/", "/accounts/2fa/totp/deactivate/", *RECOVERY_CODES):
        inspector.visit(path)
    inspector.visit("/accounts/2fa/reauthenticate/?next=/money/")
    inspector.visit("/sandbox/codes/")
    inspector.finish()


def test_pages_about_disputes_and_differences(inspector: Inspector) -> None:
    dispute, difference = money_trouble(inspector)
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit("/money/disputes/")
    inspector.visit(dispute)
    page.get_by_role("button", name="Show attendance").click()
    page.get_by_text("This look is written down").wait_for()
    inspector.look("dispute with attendance")
    inspector.visit(f"{dispute}seat/end/")
    inspector.visit(f"{dispute}seat/pause/")
    page.get_by_role("button", name="Pause the seat").click()
    page.get_by_text("Write a few words about why").first.wait_for()
    inspector.look("dispute, pause with errors")
    page.get_by_label("Why").fill("The bank asked")
    page.get_by_role("button", name="Pause the seat").click()
    page.get_by_text("The seat is paused").first.wait_for()
    with psycopg.connect(inspector.visitor.site.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "UPDATE billing_dispute SET status = 'won', closed_at = now()"
            " WHERE stripe_dispute_id = %s",
            [dispute.split("/")[3]],
        )
    inspector.visitor.goto("/money/")
    inspector.look("a seat still paused, in the queue")
    inspector.visitor.goto(dispute)
    inspector.look("dispute won, the seat still paused")
    inspector.visit(f"{dispute}seat/keep/")
    page.get_by_label("Why").fill("The bank left the money with us")
    page.get_by_role("button", name="End the pause").click()
    page.get_by_text("The pause is over").first.wait_for()
    inspector.visit("/money/reconciliation/")
    inspector.visit(difference)
    page.locator("#adjust_amount").fill("-1.00")
    page.locator("#adjust_reason").fill("Booked a dollar too much")
    page.get_by_role("button", name="See the line").click()
    page.get_by_role("heading", name="Look before you write").wait_for()
    inspector.look("difference, line")
    page.get_by_role("button", name="Back, change something").click()
    page.get_by_role("button", name="Settle with this note").click()
    page.get_by_text("Write a few words about why").first.wait_for()
    inspector.look("difference with errors")
    page.locator("#adjust_amount").fill("-1.00")
    page.locator("#adjust_reason").fill("Booked a dollar too much")
    page.get_by_role("button", name="See the line").click()
    page.get_by_label("I know that -$49.00 still differs").check()
    page.get_by_role("button", name="Write the line").click()
    page.get_by_text("-$49.00 still differs, so it stays open").first.wait_for()
    inspector.look("difference put right in part")
    inspector.visitor.goto("/money/reconciliation/")
    inspector.look("differences, one put right in part")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_role("status").first.wait_for()
    inspector.look("comparison begun")
    inspector.finish()


def money_trouble(inspector: Inspector) -> tuple[str, str]:
    """A dispute and a difference about a demo member's payment, as addresses; not Sam's."""
    mark = uuid.uuid4().hex[:8]
    with psycopg.connect(inspector.visitor.site.env["DATABASE_URL"], autocommit=True) as connection:
        payment, enrollment = connection.execute(
            "SELECT p.id, p.enrollment_id FROM billing_payment p"
            " JOIN enrollment_attendance a ON a.enrollment_id = p.enrollment_id"
            " JOIN enrollment_enrollment e ON e.id = p.enrollment_id"
            " JOIN accounts_user u ON u.id = e.member_id"
            " WHERE u.email = %s LIMIT 1",
            [demo.address("Bea")],  # of whom no other test needs anything
        ).fetchone() or (0, 0)
        connection.execute(
            "INSERT INTO billing_dispute (stripe_dispute_id, payment_id, amount_cents, currency,"
            " reason, status, evidence_due_by, opened_at, asked_at, seat_decision, note)"
            " VALUES (%s, %s, 29900, 'usd', 'unrecognized', 'needs_response',"
            " now() + interval '9 days', now(), now(), '', '')",
            (f"dp_{mark}", payment),
        )
        row = connection.execute(
            "INSERT INTO billing_difference (key, kind, about, stripe_id, enrollment_id, currency,"
            " ours_cents, theirs_cents, ours, theirs, first_seen_at, last_seen_at, how, note,"
            # An import came to nothing, so a line by hand is offered as well.
            " in_vain_at)"
            " VALUES (%s, 'not_booked', 'refund', %s, %s, 'usd', NULL, 5000, '', 'returned',"
            " now(), now(), '', '', now()) RETURNING id",
            (f"not_booked:re_{mark}", f"re_{mark}", enrollment),
        ).fetchone()
    assert row is not None
    return f"/money/disputes/dp_{mark}/", f"/money/reconciliation/differences/{row[0]}/"


# Some of the demo's money gets into trouble: one of each kind that waits for a person. Not that of
# people whom other tests need, whatever order they come in.
TROUBLE = """
from django.db import transaction
from django.utils import timezone
from billing.models import CheckoutAttempt, Payment, Refund
from accounts.models import User
from billing import refunds
from sandbox.demo_people import ALEX, DOMAIN, KIM, SAM, address
now = timezone.now()
NEEDED = [SAM, KIM, ALEX, address("Bea")]
OTHERS = User.objects.filter(email__endswith=DOMAIN).exclude(email__in=NEEDED)
THEIRS = {"enrollment__member__in": OTHERS}
with transaction.atomic():
    if not Refund.objects.filter(reason="outside").exists():
        first = CheckoutAttempt.objects.filter(**THEIRS).order_by("pk").first()
        CheckoutAttempt.objects.filter(pk=first.pk).update(
            status="review", amount_cents=first.amount_cents + 5_000, note="amount"
        )
        paid = Payment.objects.filter(**THEIRS).order_by("-pk")
        for payment, reason in zip(paid[:2], ("outside", "late")):
            refunds.request_refund(
                payment_id=payment.pk, amount_cents=5_000, reason=Refund.Reason(reason), now=now
            )
        outside = Refund.objects.filter(reason="outside")
        outside.update(status="succeeded", stripe_refund_id="re_demo")
        late = Refund.objects.get(reason="late")
        refunds._fail(refund=late, now=now, note="expired_or_canceled_card")
"""


def get_into_trouble(site: Stack) -> None:
    run_in_the_shell(site, TROUBLE)


def run_in_the_shell(site: Stack, program: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", program],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "grouport.settings", **site.env},
        check=True,
        capture_output=True,
    )


# A group of its own: three people have paid, a bank holds the money of one, and one came for free.
A_GROUP_TO_REFUND = """
import datetime as dt, itertools, random
from django.utils import timezone
from billing.models import Dispute, Payment
from tests.billing import decided
from tests.enrollment import builders
# Nobody has these addresses yet, nor Stripe's stand-in these payments.
decided._numbers = builders._numbers = itertools.count(random.randrange(10**6, 10**9))
from tests.billing.run_people import a_paid_group
from tests.enrollment.builders import a_confirmed_seat, a_member
now = timezone.now()
cohort = a_paid_group(
    3, slug="SLUG", starts_at=now + dt.timedelta(days=14), meeting_url="https://meet.example/SLUG"
)
a_confirmed_seat(cohort=cohort, member=a_member(display_name="Robin Free"))
payment = Payment.objects.filter(enrollment__cohort=cohort).first()
Dispute.objects.create(
    stripe_dispute_id="dp_SLUG", payment=payment, amount_cents=29_900, currency="usd",
    reason="general", status="needs_response", opened_at=now, asked_at=now,
)
"""


def test_pages_on_which_a_whole_group_is_refunded(inspector: Inspector) -> None:
    page, slug = inspector.visitor.page, f"refund-{uuid.uuid4().hex[:8]}"
    run_in_the_shell(inspector.visitor.site, A_GROUP_TO_REFUND.replace("SLUG", slug))
    path = f"/money/groups/{slug}/refund/"
    see = page.get_by_role("button", name="See what it means")
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visit(path)
    see.click()
    inspector.look("group refund with errors")
    page.get_by_label("Everybody: we cannot hold").check()
    page.get_by_label("The part for sessions that are not held").check()
    see.click()
    page.locator("summary").last.click()
    inspector.look("group refund, rehearsal")
    page.get_by_role("button", name="Ask a second person").click()
    inspector.look("group refund that waits, for who made it")
    run = page.url
    with psycopg.connect(inspector.visitor.site.env["DATABASE_URL"], autocommit=True) as database:
        database.execute(
            "UPDATE billing_refundrun SET made_by_id = (SELECT id FROM accounts_user "
            "WHERE email = %s) WHERE state = 'waiting'",
            [demo.DANA],
        )
    page.goto(run)
    inspector.look("group refund that waits, for a second person")
    page.get_by_role("button", name="End the group and give back").click()
    page.get_by_text("3 of 4 done").wait_for()
    inspector.look("group refund, running")
    page.get_by_role("link", name="Decide").click()
    inspector.look("somebody whom a group refund could not reach")
    page.get_by_role("button", name="Set aside").click()
    inspector.look("somebody to set aside, with errors")
    inspector.visit("/money/")
    page.goto(run)
    page.get_by_role("button", name="Stop the rest").click()
    inspector.look("group refund, stopping it")
    page.get_by_role("button", name="Stop the rest").click()
    inspector.look("group refund, stopped")
    inspector.visit(path)
    inspector.finish()


def test_pages_of_what_members_do_for_themselves(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.SAM, demo.PASSWORD)
    inspector.visitor.goto("/my/")
    page.get_by_role("main").get_by_role("link").first.click()
    mine = page.url.removeprefix(inspector.visitor.site.site_url)
    inspector.look("my group, with the ways out of it")
    inspector.visit(f"{mine}leave/")
    page.get_by_role("button", name="Leave and get").wait_for()
    inspector.visit(f"{mine}move/")
    page.get_by_role("link", name=re.compile("Look at this move")).first.click()
    inspector.look("move, rehearsal")
    inspector.visit(f"{mine}ask/")
    ask = page.get_by_role("button", name="Ask", exact=True)
    ask.click()
    inspector.look("ask with errors")
    page.get_by_label("Help with a payment").check()
    ask.click()
    inspector.look("my group, with a question")
    inspector.visit(f"{mine}ask/")
    sign_out(inspector)
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visitor.goto("/money/")
    page.get_by_role("link", name=re.compile("Read it, and answer")).first.click()
    inspector.look("request of a member")
    page.get_by_role("button", name="Send the answer").click()
    inspector.look("request of a member with errors")
    inspector.finish()


def tables_wider_than_their_frame(page: Page) -> int:
    """How many tables are scrolled sideways."""
    return int(
        page.locator(".matrix-frame, .paper__frame").evaluate_all(
            "frames => frames.filter(one => one.scrollWidth > one.clientWidth).length"
        )
    )


def test_pages_of_the_money_desk(inspector: Inspector) -> None:
    page = inspector.visitor.page
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    inspector.visitor.goto("/money/")
    if page.get_by_role("heading", name="Nothing waits for you").count():
        inspector.look("money, empty queue")
    get_into_trouble(inspector.visitor.site)
    inspector.visit("/money/")
    page.get_by_role("link", name=re.compile("Accept it or give it back")).click()
    inspector.look("payment that does not match")
    page.get_by_role("link", name="Give it back").click()
    inspector.look("giving it back, rehearsal")
    page.locator("input[name=seen]").evaluate("field => { field.value = 'older'; }")
    page.get_by_role("button", name="Give back").click()
    inspector.look("giving it back, changed meanwhile")
    inspector.visitor.goto("/money/")
    page.get_by_role("link", name=re.compile("decide about the seat")).click()
    page.get_by_role("button", name="Seen").click()
    inspector.look("outside refund with errors")
    inspector.visit("/money/search/")
    inspector.visit("/money/search/?q=nobody-is-called-this")
    inspector.visitor.goto("/money/search/?q=Sam")
    assert tables_wider_than_their_frame(page) == 0
    page.locator("main th a").first.click()
    inspector.look("story of an enrolment")
    inspector.visit("/money/numbers/?range=year")
    assert tables_wider_than_their_frame(page) == 0
    for current in ("Numbers", "Reconciliation"):
        link = page.get_by_role("navigation", name="Money").get_by_role("link", name=current)
        if current == "Reconciliation":
            link.click()
        expect(link).to_be_in_viewport(ratio=1)
        for parts in (".money-nav", ".site-nav"):
            assert page.locator(parts).bounding_box()["height"] < 60  # type: ignore[index]
    inspector.visitor.goto("/money/numbers/?range=year")
    page.locator("picture img").first.scroll_into_view_if_needed()
    assert page.locator("picture img").first.evaluate("image => image.decode().then(() => true)")
    inspector.visit("/money/ledger/")
    inspector.visit("/money/ledger/?from=yesterday")
    inspector.finish()
