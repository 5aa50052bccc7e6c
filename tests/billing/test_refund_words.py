"""What a member reads about a refund: the part it is, and what became of the seat."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import mails, refunds, seat_mails
from billing.models import Refund, RefundDecision
from billing.policy import Basis
from billing.rehearsals import Wish
from enrollment import rescheduling
from enrollment.changes import Kind
from enrollment.changes import Wish as Change
from enrollment.models import Enrollment
from enrollment.states import Status
from outbox.mail import Mail
from outbox.models import Message
from tests.billing.decided import PRICE, a_paid_seat, after, decide, look, paid
from tests.enrollment.builders import NOW, a_cohort, a_confirmed_seat, a_member

pytestmark = pytest.mark.django_db

STAYS = "Your seat stays yours."
LEFT = "Your seat is free again from now on, and your links to the sessions no longer work."
DAYS = "back to the card you paid with. Banks take 5 to 10 days to show it."


def rendered(refund: Refund, now: dt.datetime | None = None) -> Mail:
    answer = mails.refund_sent([Message(pk=1, subject_id=refund.pk)], now or after(3))[1]
    assert isinstance(answer, Mail)
    return answer


def words(mail: Mail) -> str:
    """The mail's own words on one line, between greeting and foot."""
    text = " ".join(mail.text.split())
    return (
        text.partition("Hello there, ")[2].partition(" Other groups")[0].partition(" Grouport ")[0]
    )


@pytest.mark.parametrize(
    ("basis", "amount", "moment", "said"),
    [
        (
            Basis.POLICY,
            0,
            after(3),
            f"We have sent $224.25 {DAYS} It is the part for the sessions that had not been held. "
            f"{STAYS}",
        ),
        (
            Basis.POLICY,
            0,
            NOW,
            f"We have sent $299.00 {DAYS} It is everything that you paid. {STAYS}",
        ),
        (
            Basis.FULL,
            0,
            after(3),
            f"We have sent $299.00 {DAYS} It is everything that you paid. {STAYS}",
        ),
        (Basis.AMOUNT, 2_492, after(3), f"We have sent $24.92 {DAYS} {STAYS}"),
        (
            Basis.AMOUNT,
            29_900,
            after(3),
            f"We have sent $299.00 {DAYS} It is everything that you paid. {STAYS}",
        ),
    ],
)
def test_it_says_what_part_it_is(basis: Basis, amount: int, moment: dt.datetime, said: str) -> None:
    decide(a_paid_seat(), basis=basis, amount=amount, now=moment)
    assert words(rendered(Refund.objects.get())) == said


def test_the_rest_of_an_earlier_refund_is_called_that() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, amount=10_000)
    decide(enrollment, basis=Basis.FULL)
    last = Refund.objects.latest("pk")
    assert "It is all that was left of what you paid." in words(rendered(last))


def test_by_attendance_it_says_so() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.ATTENDED, now=after(1))
    # Nothing attended: that is everything.
    assert "It is everything that you paid." in words(rendered(Refund.objects.get()))


def test_a_cancelled_session_is_called_ours() -> None:
    enrollment = a_paid_seat()
    rescheduling.apply(
        cohort_id=enrollment.cohort_id,
        wish=Change(kind=Kind.CANCEL, number=5, day=None, wall_time=None),
        version=enrollment.cohort.version,
        actor=a_member(),
        reason="",
        now=after(3),
    )
    decide(enrollment, basis=Basis.CANCELLED)
    assert words(rendered(Refund.objects.get())) == (
        f"We have sent $24.91 {DAYS} It is the part for sessions that we cancelled. {STAYS}"
    )


def test_a_seat_that_was_freed_is_said_to_be_free() -> None:
    decide(a_paid_seat(), frees=True)
    mail = rendered(Refund.objects.get())
    assert LEFT in words(mail)
    assert "Other groups with free seats" in mail.text
    assert mail.subject == "Your refund of $224.25 is on its way"


def test_whoever_has_left_before_reads_nothing_about_a_seat() -> None:
    enrollment = a_paid_seat()
    decide(enrollment, basis=Basis.AMOUNT, frees=True)
    decide(enrollment, basis=Basis.POLICY, now=after(4))
    said = words(rendered(Refund.objects.get()))
    assert (STAYS in said, LEFT in said) == (False, False)


@pytest.mark.parametrize(
    ("reason", "status", "stays", "others"),
    [
        (Refund.Reason.OUTSIDE, Status.ACTIVE, True, False),
        (Refund.Reason.OUTSIDE, Status.SUSPENDED, True, False),
        (Refund.Reason.OUTSIDE, Status.WITHDRAWN, False, True),
        (Refund.Reason.DESK, Status.ACTIVE, True, False),
        (Refund.Reason.TWICE, Status.ACTIVE, False, False),
        (Refund.Reason.LATE, Status.LATE_PAID, False, True),
    ],
)
def test_of_a_refund_that_nobody_decided_here_it_says_whether_the_seat_stays(
    reason: Refund.Reason, status: Status, stays: bool, others: bool
) -> None:
    enrollment = a_confirmed_seat(cohort=a_cohort())
    payment = paid(enrollment, PRICE)
    Enrollment.objects.filter(pk=enrollment.pk).update(status=status)
    refund = refunds.request_refund(
        payment_id=payment.pk, amount_cents=500, reason=reason, now=after(3)
    )
    mail = rendered(refund)
    assert (STAYS in words(mail), "Other groups" in mail.text) == (stays, others)
    assert mail.html is not None
    assert (STAYS in mail.html, "Other groups" in mail.html) == (stays, others)


def test_of_several_payments_each_mail_says_what_comes_together() -> None:
    decide(a_paid_seat(9_967, 9_967, 9_966))
    newest = Refund.objects.earliest("pk")
    assert words(rendered(newest)) == (
        f"We have sent $99.66 {DAYS} You paid in several payments, so $224.25 comes back in "
        "several parts, each with a mail like this. Together it is the part for the sessions "
        f"that had not been held. {STAYS}"
    )


def looked_at(enrollment: Enrollment, wish: Wish) -> list[Mail]:
    return mails.previews(look(enrollment, wish, after(3)))


@pytest.mark.parametrize("frees", [False, True])
@pytest.mark.parametrize("basis", [Basis.POLICY, Basis.FULL, Basis.ATTENDED, Basis.AMOUNT])
def test_the_preview_is_the_mail(basis: Basis, frees: bool) -> None:
    enrollment = a_paid_seat(9_967, 19_933)
    wish = Wish(basis, 12_345 if basis == Basis.AMOUNT else 0, frees)
    previews = looked_at(enrollment, wish)
    decide(enrollment, basis=basis, amount=wish.amount_cents, frees=frees)
    assert [rendered(one) for one in Refund.objects.order_by("pk")] == previews


def test_leaving_without_money_has_a_mail_of_its_own() -> None:
    enrollment = a_paid_seat()
    [preview] = looked_at(enrollment, Wish(Basis.AMOUNT, 0, frees_seat=True))
    decision = decide(enrollment, basis=Basis.AMOUNT, frees=True)
    sent = seat_mails.seat_freed([Message(pk=1, subject_id=decision.pk)], after(3))[1]
    assert sent == preview
    assert preview.subject == "About your seat"
    assert LEFT in " ".join(preview.text.split())
    assert "refund" not in preview.text


def test_a_batch_costs_one_or_two_queries_however_long_it_is() -> None:
    for number in (1, 3):
        made = [decide(a_paid_seat(), frees=True) for _ in range(number)]
        sent = [Message(pk=one.refunds.get().pk, subject_id=one.refunds.get().pk) for one in made]
        freed = [Message(pk=one.pk, subject_id=one.pk) for one in made]
        # A seat that was freed asks for money at a bank besides.
        for render, batch, asked in (
            (mails.refund_sent, sent, 1),
            (seat_mails.seat_freed, freed, 2),
        ):
            with CaptureQueriesContext(connection) as queries:
                assert len(render(batch, after(3))) == number
            assert len(queries) == asked
    assert RefundDecision.objects.count() == 4
