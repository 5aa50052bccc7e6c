"""A difference until nothing of it is left, and in words that are true of how it stands.

What a line by hand leaves open stays in the list; a refund that Stripe has and that we only asked
for is booked once, by whoever hears of it; each side is shown in its own currency.
"""

from collections.abc import Callable

import pytest

from billing import differences, ledger, reconciliation, remedies, sweeps
from billing.models import Difference, LedgerEntry, Payment, Refund
from sandbox.stripe_standin.process import Standin
from tests.billing.builders import (
    PRICE,
    REFUND,
    a_payment,
    a_refund,
    lose_the_reply,
    now,
    refreshed,
)
from tests.billing.people import at_the_desk
from tests.billing.test_reconciliation import (
    PAGE,
    a_charge_that_was_never_paid,
    a_dispute_nobody_told_of,
    a_refund_that_stripe_does_not_know,
    an_outside_refund_that_our_books_cannot_take,
    another_amount,
    bend,
    by_hand,
    compare,
    disputed,
    imported_in_vain,
    later,
    press,
    refreshed_difference,
    returned,
    the_difference,
)
from tests.enrollment.pages import said

pytestmark = pytest.mark.django_db

Bend = Callable[[Standin], None]


def page_of(row: Difference) -> str:
    return said(at_the_desk().get(row.get_absolute_url()))


def listed() -> str:
    return said(at_the_desk().get(PAGE))


def adjusted() -> list[int]:
    lines = LedgerEntry.objects.filter(kind="adjustment").order_by("pk")
    return list(lines.values_list("amount_cents", flat=True))


# --- What a line by hand leaves -----------------------------------------------------------


def a_ledger_with_three_dollars_too_many(standin: Standin) -> None:
    payment = a_payment(standin)
    ledger.post(
        enrollment_id=payment.enrollment_id,
        kind=LedgerEntry.Kind.CHARGE,
        amount_cents=300,
        currency="usd",
        key="twice",
        at=now(),
        stripe_id=str(payment.stripe_payment_intent_id),
    )


def a_charge_of_three_dollars_less(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "charge", amount_captured=PRICE - 300)


@pytest.mark.parametrize(
    ("bent", "whole"),
    [
        (a_ledger_with_three_dollars_too_many, -300),
        (a_charge_of_three_dollars_less, -300),
        (a_charge_that_was_never_paid, -PRICE),
        (a_refund_that_stripe_does_not_know, 10_000),
        (an_outside_refund_that_our_books_cannot_take, -5_000),
    ],
)
def test_what_a_line_by_hand_leaves_stays_in_the_list_until_it_is_put_right(
    standin: Standin, bent: Bend, whole: int
) -> None:
    row = the_difference(standin, bent)
    press(at_the_desk(), row, "import")  # where there is one, it comes to nothing
    one = -100 if whole < 0 else 100
    for number in (1, 2):
        by_hand(refreshed_difference(row), one, whole - number * one)
        left = whole - number * one
        assert refreshed_difference(row).resolved_at is None
        assert compare() == [(row.about, row.kind)]
        assert row.left_cents == left
        gap = remedies.gap(refreshed_difference(row))
        assert gap is not None
        assert gap.cents == left
        shown = f"{'-' if left < 0 else ''}${abs(left) / 100:.2f}"
        assert f"put right in part, {shown} left" in listed()
        assert f"Left {shown}" in page_of(row)
        [waiting] = reconciliation.waiting(now())
        assert (waiting.what, waiting.cents) == (f"{row.title}, put right in part", left)
    by_hand(refreshed_difference(row), whole - 2 * one, 0)
    assert (refreshed_difference(row).how, row.left_cents) == ("by_hand", None)
    assert compare() == []
    assert adjusted() == [one, one, whole - 2 * one]


def test_a_part_at_the_desk_says_what_is_left_and_a_second_press_writes_nothing(
    standin: Standin,
) -> None:
    row = imported_in_vain(standin)
    client = at_the_desk()
    typed = {"amount": "-20.00", "reason": "Half of it", "left": "-3000", "known": "on"}
    done = press(client, row, "by_hand", **typed, confirm="1")
    assert done.status_code == 302
    told = said(client.get(row.get_absolute_url()))
    assert "The ledger has a line of $20.00 less. -$30.00 still differs, so it stays open." in told
    assert 'value="-30.00"' in client.get(row.get_absolute_url()).content.decode()
    for act in ("by_hand", "otherwise", "import"):
        assert press(client, row, act, **typed, confirm="1").status_code == 409
    assert (adjusted(), refreshed_difference(row).resolved_at) == ([-2_000], None)


def test_what_a_line_left_counts_no_more_when_stripe_says_another_sum(standin: Standin) -> None:
    row = the_difference(standin, a_charge_of_three_dollars_less)
    by_hand(row, -100, -200)
    bend(standin, "charge", amount_captured=PRICE - 500)
    assert compare() == [("payment", "amount")]
    assert refreshed_difference(row).left_cents is None
    assert remedies.gap(row) == remedies.Gap(theirs=PRICE - 500, ours=PRICE - 100)


def test_a_rest_that_a_fresh_comparison_does_not_find_is_gone(standin: Standin) -> None:
    row = the_difference(standin, a_charge_of_three_dollars_less)
    by_hand(row, -100, -200)
    bend(standin, "charge", amount_captured=PRICE)
    # The line by hand is too much by now, and that is found.
    assert compare() == [("payment", "ledger")]
    assert (refreshed_difference(row).how, row.left_cents) == ("gone", None)
    [other] = Difference.objects.filter(resolved_at=None)
    assert remedies.gap(other) == remedies.Gap(theirs=PRICE, ours=PRICE - 100)


def test_where_a_part_is_put_right_by_hand_no_import_writes_all_of_it(standin: Standin) -> None:
    row = imported_in_vain(standin)
    assert "Import it" in page_of(row)
    by_hand(row, -2_000, -3_000)
    Payment.objects.update(refund_reserved_cents=0)  # so that an import would find room
    page = page_of(refreshed_difference(row))
    assert ("Import it" in page, "Put right by hand" in page) == (False, True)
    assert press(at_the_desk(), row, "import").status_code == 409
    assert not Refund.objects.exists()


def test_an_import_after_which_another_difference_stands_says_so(standin: Standin) -> None:
    row = imported_in_vain(standin)
    by_hand(row, -2_000, -3_000)
    Payment.objects.update(refund_reserved_cents=0)
    bend(standin, "refund", amount=4_000)  # another sum: its import is tried first
    compare()
    client = at_the_desk()
    press(client, refreshed_difference(row), "import")
    told = said(client.get(row.get_absolute_url()))
    assert "Imported, and something else of it differs now" in told
    [other] = Difference.objects.filter(resolved_at=None)
    assert remedies.gap(other) == remedies.Gap(theirs=-4_000, ours=-6_000)


# --- What is proposed ---------------------------------------------------------------------


def another_amount_of_a_refund(standin: Standin) -> None:
    Refund.objects.filter(pk=returned(standin).pk).update(amount_cents=10_001)


@pytest.mark.parametrize("bent", [another_amount, another_amount_of_a_refund])
def test_where_the_ledger_says_what_stripe_says_a_note_settles_it(
    standin: Standin, bent: Bend
) -> None:
    row = the_difference(standin, bent)
    words = remedies.remedy(row).words
    assert "put the ledger right" not in words
    assert "as Stripe does: nothing is to be put right there" in words
    assert "Settle this with a note" in words
    client = at_the_desk()
    page = said(client.get(row.get_absolute_url()))
    assert (words in page, "Put right by hand" in page) == (True, False)
    assert press(client, row, "otherwise", reason="The row was typed wrongly").status_code == 302
    assert refreshed_difference(row).how == "otherwise"
    assert (compare(), adjusted()) == ([], [])


def test_where_the_ledger_differs_too_the_words_and_the_page_lead_to_a_line(
    standin: Standin,
) -> None:
    row = the_difference(standin, a_charge_of_three_dollars_less)
    assert "put the ledger right by hand" in remedies.remedy(row).words
    assert "Put right by hand" in page_of(row)
    by_hand(row, -300, 0)
    assert compare() == []


def another_amount_and_currency(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "charge", currency="eur", amount=28_000, amount_captured=28_000)


def a_page_of_another_price(standin: Standin) -> None:
    a_payment(standin)
    bend(standin, "checkout.session", amount_total=PRICE - 100)


def a_charge_that_was_never_paid_and_is_not_in_the_ledger(standin: Standin) -> None:
    payment = a_payment(standin)
    bend(standin, "charge", status="failed")
    ledger.post(
        enrollment_id=payment.enrollment_id,
        kind=LedgerEntry.Kind.ADJUSTMENT,
        amount_cents=-PRICE,
        currency="usd",
        key="away",
        at=now(),
        stripe_id=str(payment.stripe_payment_intent_id),
    )


@pytest.mark.parametrize(
    ("bent", "offered"),
    [
        (another_amount, False),
        (another_amount_and_currency, False),
        (a_page_of_another_price, False),
        (a_charge_of_three_dollars_less, True),
        (a_ledger_with_three_dollars_too_many, True),
        (a_charge_that_was_never_paid, True),
        (a_charge_that_was_never_paid_and_is_not_in_the_ledger, False),
        (a_refund_that_stripe_does_not_know, True),
    ],
)
def test_the_ledger_is_spoken_of_as_to_be_put_right_only_where_the_page_offers_it(
    standin: Standin, bent: Bend, offered: bool
) -> None:
    bent(standin)
    compare()
    for row in Difference.objects.all():
        told = "put the ledger right" in remedies.remedy(row).words.lower()
        assert (told, "Put right by hand" in page_of(row)) == (offered, offered)


def test_another_amount_of_a_dispute_is_imported(standin: Standin) -> None:
    dispute = disputed(standin)
    bend(standin, "dispute", amount=PRICE - 100)
    assert compare() == [("dispute", "amount")]
    row = Difference.objects.get()
    assert press(at_the_desk(), row, "import").status_code == 302
    dispute.refresh_from_db()
    assert (refreshed_difference(row).how, dispute.amount_cents) == ("imported", PRICE - 100)


# --- A refund whose answer was lost -------------------------------------------------------


def a_refund_without_an_answer(standin: Standin, outcome: str, status: str) -> Refund:
    """Stripe has it; we do not know. With `requested` not even that we asked: after a restore."""
    standin.control("next_refund", outcome=outcome)
    refund = a_refund(standin, 10_000)
    lose_the_reply(standin, REFUND)
    sweeps.submit_open_refunds(now=now())
    assert refreshed(refund).status == "submitted"
    if status == "requested":
        Refund.objects.filter(pk=refund.pk).update(status=status, submitted_at=None)
    return refreshed(refund)


LOST = [(o, s) for o in ("pending", "succeeded") for s in ("submitted", "requested")]


@pytest.mark.parametrize(("outcome", "status"), LOST)
def test_a_refund_whose_answer_was_lost_is_booked_once_by_the_sweep(
    standin: Standin, outcome: str, status: str
) -> None:
    refund = a_refund_without_an_answer(standin, outcome, status)
    compare()
    row = Difference.objects.get()
    client, typed = at_the_desk(), {"amount": "-100.00", "reason": "x", "left": "0"}
    # Nothing makes it a line by hand, not even an import that came to nothing.
    assert press(client, row, "by_hand", **typed, confirm="1").status_code == 409
    Difference.objects.update(in_vain_at=now())
    assert press(client, refreshed_difference(row), "by_hand", **typed).status_code == 409
    with pytest.raises(differences.ChangedMeanwhile):
        by_hand(refreshed_difference(row), -10_000)
    page = page_of(row)
    assert "Within some minutes our program asks again by itself and books it once" in page
    assert "Put right by hand" not in page
    assert (row.about, row.kind, row.ours) == ("refund", "state", "asked for")
    sweeps.submit_open_refunds(now=later())
    assert refreshed(refund).status == outcome
    assert ledger.balance(refund.enrollment) == PRICE - 10_000
    assert LedgerEntry.objects.filter(stripe_id=refund.stripe_refund_id).count() == 1
    assert len(standin.world.store.tables["refund"]) == 1
    press(client, row, "again")
    assert refreshed_difference(row).how == "gone"
    assert compare() == []


@pytest.mark.parametrize(("outcome", "status"), LOST)
def test_a_refund_whose_answer_was_lost_is_booked_once_by_an_import(
    standin: Standin, outcome: str, status: str
) -> None:
    refund = a_refund_without_an_answer(standin, outcome, status)
    compare()
    row = Difference.objects.get()
    press(at_the_desk(), row, "import")
    assert refreshed_difference(row).how == "imported"
    sweeps.submit_open_refunds(now=later())
    assert ledger.balance(refund.enrollment) == PRICE - 10_000
    assert (compare(), len(standin.world.store.tables["refund"])) == ([], 1)


# --- Each side in its own currency --------------------------------------------------------


def test_each_side_is_shown_in_its_own_currency(standin: Standin) -> None:
    another_amount_and_currency(standin)
    compare()
    for row in Difference.objects.all():
        assert (row.our_currency, row.currency) == ("usd", "eur")
        page = page_of(row)
        assert "Ours $299.00" in page
        assert "Stripe\u2019s 280.00 EUR" in page
    for row in Difference.objects.all():
        assert "299.00 EUR" not in page_of(row)
    assert listed().count("$299.00") == listed().count("280.00 EUR") == 2
    assert "299.00 EUR" not in listed()


def test_no_line_is_offered_in_a_currency_that_is_not_the_payments(standin: Standin) -> None:
    """Not even where the ledger has no line that would show it."""
    row = the_difference_of_an_unknown_ledger(standin)
    assert remedies.gap(row) is None


def the_difference_of_an_unknown_ledger(standin: Standin) -> Difference:
    payment = a_payment(standin)
    Payment.objects.filter(pk=payment.pk).update(stripe_payment_intent_id="pi_elsewhere")
    bend(standin, "charge", currency="eur", amount=28_000, payment_intent="pi_elsewhere")
    bend(standin, "charge", amount_captured=28_000)
    compare()
    return Difference.objects.get(kind="amount")


def test_a_dispute_that_is_only_at_stripe_has_no_currency_of_ours(standin: Standin) -> None:
    row = the_difference(standin, a_dispute_nobody_told_of)
    assert (row.ours_currency, row.our_currency, row.currency) == ("", "usd", "usd")
