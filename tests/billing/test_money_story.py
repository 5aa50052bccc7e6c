"""The story of one enrolment: everything that happened, in order, with its why."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from billing import ledger, refunds, story, sweeps
from billing.models import Refund
from enrollment import absences, attendance, services
from enrollment.models import Attendance, Enrollment, Mark
from enrollment.models import EnrollmentMove as Move
from outbox.models import Message
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_payment, a_seat, now
from tests.billing.desk import (
    a_failed_refund,
    a_stuck_late_payment,
    a_wrong_payment,
    an_outside_refund,
    text,
)
from tests.billing.people import a_billing_admin, at_the_desk
from tests.enrollment.builders import FIRST_SESSION, a_confirmed_seat, a_member, session

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def desk() -> Client:
    return at_the_desk()


def page(enrollment: Enrollment) -> str:
    return f"/money/enrolments/{enrollment.public_id}/"


def told(enrollment: Enrollment) -> story.Story:
    return story.story(enrollment=enrollment, now=now() + DAY)


def whats(enrollment: Enrollment) -> list[str]:
    return [line.what for line in told(enrollment).lines]


def give_back(enrollment: Enrollment, cents: int, actor: User | None = None) -> None:
    refunds.request_refund(
        payment_id=enrollment.payments.get().pk,
        amount_cents=cents,
        reason=Refund.Reason.DESK,
        now=now(),
        actor=actor,
    )
    sweeps.submit_open_refunds(now=now())


def test_a_whole_story_is_told_in_order(standin: Standin) -> None:
    enrollment, admin = a_payment(standin).enrollment, a_billing_admin()
    give_back(enrollment, 10_000, admin)
    services.withdraw(enrollment_id=enrollment.pk, actor=admin, reason="Moved away", now=now())
    lines = told(enrollment).lines
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert {line.what for line in lines} == {
        "Seat kept, waiting for payment",
        "Payment page opened for $299.00",
        "Paid",
        "Seat confirmed",
        "Confirmation of the seat",
        "Refund of $100.00 asked for",
        "Refunded",
        "Notice of a refund",
        "Seat given up",
    }
    by = {line.what: line for line in lines}
    assert by["Refund of $100.00 asked for"].actor == by["Seat given up"].actor == "Kim Ledger"
    assert by["Seat kept, waiting for payment"].actor == "the member"
    assert (by["Paid"].cents, by["Refunded"].cents) == (PRICE, -10_000)
    assert by["Seat given up"].why.startswith("Moved away. ")
    assert by["Paid"].stripe_id.startswith("pi_")
    assert by["Refunded"].stripe_id.startswith("re_")


def test_every_line_answers_why(standin: Standin) -> None:
    enrollments = [
        a_wrong_payment(standin).enrollment,
        a_stuck_late_payment(standin).enrollment,
        a_failed_refund(standin).enrollment,
        an_outside_refund(standin).enrollment,
    ]
    for enrollment in enrollments:
        for line in told(enrollment).lines:
            assert line.why[-1:] == ".", line
            assert ".." not in line.why


def test_the_lines_that_moved_money_are_the_ledgers(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment
    give_back(enrollment, 10_000)
    moved = [line.cents for line in told(enrollment).lines if line.cents is not None]
    assert (moved, sum(moved)) == ([PRICE, -10_000], ledger.balance(enrollment))


def test_the_sums_on_top_add_up(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment
    give_back(enrollment, 10_000)
    standin.control("next_refund", outcome="pending")
    give_back(enrollment, 5_000)
    ledger.post(
        enrollment_id=enrollment.pk,
        kind=ledger.Kind.DISPUTE,
        amount_cents=-200,
        currency="usd",
        key="dispute",
        at=now(),
    )
    ledger.post(
        enrollment_id=enrollment.pk,
        kind=ledger.Kind.FEE,
        amount_cents=-30,
        currency="usd",
        key="fee",
        at=now(),
    )
    money = told(enrollment).money
    assert money == story.Money(
        paid=PRICE, back=15_000, disputed=200, other=0, on_its_way=5_000, balance=PRICE - 15_200
    )
    assert money.paid - money.back - money.disputed + money.other == money.balance


def test_a_refund_that_never_left_moved_nothing(standin: Standin) -> None:
    enrollment = a_failed_refund(standin).enrollment
    assert "Refund of $100.00 failed" in whats(enrollment)
    assert told(enrollment).money.back == 0


def test_a_refund_that_came_back_is_told_once(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment
    give_back(enrollment, 10_000)
    standin.control("fail_refund", refund=Refund.objects.get().stripe_refund_id)
    sweeps.reconcile(now=now())
    assert whats(enrollment).count("Refund came back") == 1
    assert "Refund of $100.00 failed" not in whats(enrollment)


def test_a_refund_that_came_back_is_nobodys_act_and_leads_to_what_can_be_done(
    standin: Standin, desk: Client
) -> None:
    enrollment = a_payment(standin).enrollment
    give_back(enrollment, 10_000, actor=a_billing_admin())
    refund = Refund.objects.get()
    standin.control("fail_refund", refund=refund.stripe_refund_id)
    sweeps.reconcile(now=now())
    actors = {line.what: line.actor for line in told(enrollment).lines}
    assert (actors["Refunded"], actors["Refund came back"]) == (str(refund.actor), "")
    words = text(desk, page(enrollment))
    assert "A refund of $100.00 failed and is still owed." in words
    assert f'href="/money/refunds/{refund.uuid}/"' in words


def test_a_payment_that_waits_leads_to_its_decision(standin: Standin, desk: Client) -> None:
    attempt = a_wrong_payment(standin)
    words = text(desk, page(attempt.enrollment))
    assert f'href="/money/payments/{attempt.uuid}/"' in words
    assert "How it ended: needs a person." in words


def test_the_page_shows_price_policy_state_and_the_way_to_a_refund(
    standin: Standin, desk: Client
) -> None:
    enrollment = a_payment(standin).enrollment
    words = text(desk, page(enrollment))
    version = enrollment.consents.get(kind="refunds").version
    for shown in ("Sam Rivers", "$299.00", f"Version {version}", "Confirmed", "Balance with us"):
        assert shown in words
    assert f'href="{page(enrollment)}refund/"' in words
    assert 'href="/money/"' in words


def test_whoever_paid_nothing_has_nothing_to_refund(desk: Client) -> None:
    enrollment = a_seat()
    assert "Refund\u2026" not in text(desk, page(enrollment))


def test_attendance_is_two_numbers(desk: Client) -> None:
    enrollment, leader = a_confirmed_seat(), a_member()
    weeks = [session(enrollment.cohort, number) for number in (1, 2, 3)]
    for week in weeks:  # the door saw them twice, and the leader knows better once
        if week.number != 3:
            Attendance.objects.create(
                enrollment=enrollment, session=week, arrived_at=week.starts_at, location="NY"
            )
    attendance.note(
        session=weeks[0],
        noted=[attendance.Noted(enrollment.pk, Mark.EXCUSED)],
        actor=leader,
        now=weeks[0].ends_at,
    )
    found = story.sessions(enrollment, weeks[2].ends_at)
    assert found == story.Sessions(all=12, held=3, attended=1)
    assert story.sessions(enrollment, FIRST_SESSION).held == 0


def test_no_mark_no_note_and_no_answer_is_shown(desk: Client) -> None:
    enrollment, leader = a_confirmed_seat(), a_member(display_name="Leader Lee")
    week = absences.own_week(enrollment=enrollment, number=1, now=FIRST_SESSION - DAY)
    absences.say_absent(week=week, about=FIRST_SESSION, now=FIRST_SESSION - DAY)
    attendance.note(
        session=session(enrollment.cohort, 1),
        noted=[attendance.Noted(enrollment.pk, Mark.EXCUSED)],
        actor=leader,
        now=FIRST_SESSION + DAY,
    )
    words = text(desk, page(enrollment)).lower()
    for secret in ("excused", "absent", "leader lee", "okafor", "555 0134", "can't make"):
        assert secret not in words


def test_mails_about_other_seats_and_to_other_people_are_left_out(standin: Standin) -> None:
    enrollment, other = a_payment(standin).enrollment, a_payment(standin).enrollment
    Message.objects.create(
        kind="leading-changed",
        recipient=enrollment.member,
        subject_id=enrollment.pk,
        next_try_at=now(),
        created_at=now(),
    )
    give_back(other, 100)
    mails = [line.what for line in told(enrollment).lines if line.kind == "mail"]
    assert mails == ["Confirmation of the seat"]


def test_a_mail_says_whether_it_went_out(standin: Standin) -> None:
    enrollment = a_payment(standin).enrollment

    def why() -> str:
        [line] = [line for line in told(enrollment).lines if line.kind == "mail"]
        return line.why

    assert why() == "It waits to be sent."
    Message.objects.update(state="not_owed", reason="The enrolment is withdrawn.")
    assert why() == "Not sent: The enrolment is withdrawn."
    Message.objects.update(state="sent", sent_at=now())
    assert why() == "Sent."


def test_nobodys_story_is_a_404(desk: Client) -> None:
    assert desk.get("/money/enrolments/00000000-0000-0000-0000-000000000000/").status_code == 404


def test_a_story_asks_as_often_for_thirty_lines_as_for_one(standin: Standin, desk: Client) -> None:
    enrollment = a_payment(standin).enrollment
    asked = []
    for rows in (0, 10):
        for number in range(rows):
            give_back(enrollment, 100 + number, a_billing_admin())
            Move.objects.create(
                enrollment=enrollment, target="active", at=now(), reason="x", actor=a_member()
            )
        with CaptureQueriesContext(connection) as captured:
            text(desk, page(enrollment))
        asked.append(len(captured))
    assert len(told(enrollment).lines) > 30
    assert asked[0] == asked[1]
