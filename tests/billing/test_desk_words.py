"""What the money desk's pages say when there is nothing to press, or not all of it."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from billing import charging, reconciliation, refunds
from billing.models import Dispute, Reconciliation, Refund
from billing.personal_prices import find_members
from billing.refund_forms import CentsField
from billing.standing import payment_lines
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import PRICE, a_group, a_refund, now
from tests.billing.decided import paid
from tests.billing.desk import text
from tests.billing.instalments import a_plan, card_does, when_due
from tests.billing.people import a_billing_admin, at_the_desk
from tests.billing.test_disputes import opened
from tests.enrollment.builders import a_cohort, a_confirmed_seat, a_member

pytestmark = pytest.mark.django_db

BANK = "The bank holds $299.00 because of a dispute, so it cannot be given back from here."


@pytest.fixture
def desk() -> Client:
    return at_the_desk()


def refund_page(enrollment: Enrollment) -> str:
    return f"/money/enrolments/{enrollment.public_id}/refund/"


def story_page(enrollment: Enrollment) -> str:
    return f"/money/enrolments/{enrollment.public_id}/"


def test_a_disputed_payment_is_with_the_bank_and_not_unpaid(standin: Standin, desk: Client) -> None:
    dispute: Dispute = opened(standin)
    enrollment = dispute.payment.enrollment
    page = text(desk, refund_page(enrollment))
    assert (BANK in page, dispute.get_absolute_url() in page) == (True, True)
    typed = {"basis": "full", "amount": "", "seat": "keep", "reason": ""}
    for basis in ("full", "amount"):
        reply = desk.post(refund_page(enrollment), {**typed, "basis": basis, "amount": "5.00"})
        assert reply.status_code == 422
        assert "Nothing was paid for this seat" not in reply.content.decode()
        assert BANK in reply.content.decode()


def test_a_comparison_says_until_when_it_looked(standin: Standin, desk: Client) -> None:
    at = now().replace(second=0, microsecond=0)
    reconciliation.start(first=at.date(), last=at.date(), asked_by=None, now=at)
    assert "Compared up to" not in text(desk, "/money/reconciliation/")
    Reconciliation.objects.update(state="done", finished_at=at)
    page = text(desk, "/money/reconciliation/")
    until = Reconciliation.objects.get().ends_at
    assert f'Compared up to <time datetime="{until.astimezone().isoformat()[:10]}' in page
    assert "the last ten minutes before a comparison come with the next one" in page
    assert "Every payment matches" not in text(desk, "/money/")


def test_what_has_gone_back_is_not_offered_again(standin: Standin, desk: Client) -> None:
    refund = a_refund(standin, PRICE - 1)
    page = text(desk, story_page(refund.enrollment))
    assert ("Refund\u2026" in page, "Everything has gone back" in page) == (True, False)
    refunds.request_refund(
        payment_id=refund.payment_id, amount_cents=1, reason=Refund.Reason.DESK, now=now()
    )
    page = text(desk, story_page(refund.enrollment))
    assert ("Refund\u2026" in page, "Free the seat\u2026" in page) == (False, True)
    assert "Everything has gone back, or is on its way." in page


def test_only_what_can_go_back_is_offered_and_the_obstacle_named_once(desk: Client) -> None:
    enrollment = a_confirmed_seat(cohort=a_cohort())
    paid(enrollment, PRICE, stripe_payment_intent_id=None)
    page = text(desk, refund_page(enrollment))
    assert page.count("It has no charge at Stripe") == 1
    assert ('value="full"' in page, 'value="amount"' in page) == (False, False)
    assert ('value="nothing"' in page, 'name="amount"' in page) == (True, False)
    paid(enrollment, 5_000)
    page = text(desk, refund_page(enrollment))
    assert ('value="full"' in page, 'value="amount"' in page) == (False, True)


def test_a_member_reads_no_words_of_staff_about_a_refund(standin: Standin) -> None:
    refund = a_refund(standin, 5_000)
    for reason in (Refund.Reason.DESK, Refund.Reason.OUTSIDE):
        Refund.objects.update(reason=reason)
        [line] = [one for one in payment_lines(refund.enrollment, now()) if "efund" in one.label]
        assert line.detail.startswith("We gave it back. On its way")


def test_the_parts_of_a_price_stand_on_the_story_with_each_try(
    standin: Standin, desk: Client
) -> None:
    enrollment = a_plan(standin)
    card_does(standin, enrollment, "declined")
    due = when_due(standin, enrollment)
    charging.charge_due(now=due)
    page = text(desk, story_page(enrollment))
    assert "Outstanding $199.33 in 2 parts" in page
    assert [f"Part {n} of 3" in page for n in (1, 2, 3)] == [True] * 3
    assert "Declined: the bank said no and gave no reason." in page
    assert "card_declined" not in page


def test_whoever_pays_at_once_has_no_parts(standin: Standin, desk: Client) -> None:
    page = text(desk, story_page(a_refund(standin).enrollment))
    assert ("Paid in parts" in page, "Outstanding" in page) == (False, False)


def test_the_mail_address_opens_a_mail_with_a_neutral_subject(desk: Client) -> None:
    enrollment = a_confirmed_seat(cohort=a_cohort())
    page = text(desk, story_page(enrollment))
    assert f'href="mailto:{enrollment.member.email}?subject=About%20your%20payment"' in page


def test_a_group_page_speaks_of_parts_where_the_program_offers_them(client: Client) -> None:
    group = a_group()
    address = f"/groups/{group.slug}/"
    words = "paid once, or in three parts where the payment page offers it"
    assert words in text(client, address)
    type(group.programme).objects.update(instalments=False)
    page = text(client, address)
    assert (words in page, "paid once." in page) == (False, True)


@pytest.mark.parametrize("typed", ["12345678901234", "$12,345,678,901.00"])
def test_an_amount_of_too_many_digits_is_called_too_much(typed: str) -> None:
    with pytest.raises(ValidationError, match="That is more than can be typed here"):
        CentsField().clean(typed)


def test_only_members_get_a_price_of_their_own(desk: Client) -> None:
    staff = a_billing_admin("Robin Staff")
    member = a_member(display_name="Robin Member")
    assert find_members("Robin") == [member]
    pages = [desk.get(f"/money/prices/for/{one.pk}/") for one in (staff, member)]
    assert [page.status_code for page in pages] == [404, 200]
