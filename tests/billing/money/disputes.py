"""Steps around disputes: the bank asks, takes, gives back; a person decides about the seat."""

import contextlib

from billing import dispute_seats
from billing.models import Dispute
from tests.billing.money.people import People
from tests.billing.money.steps import either, nth, recent, step


class Disputes(People):
    """Cardholders go to their bank."""

    @step(4, needs="payments", n=recent, part=either, inquiry=(False, False, True))
    def a_payment_is_disputed(self, n: int, part: bool, inquiry: bool) -> None:
        payment = nth(self.sight.payments, n)
        self.at_stripe(
            "dispute",
            payment_intent=payment.stripe_payment_intent_id,
            amount=payment.amount_cents // 2 if part else None,
            inquiry=inquiry,
        )

    @step(6, needs="payments", n=recent)
    def a_payment_is_disputed_and_it_is_known_at_once(self, n: int) -> None:
        self.a_payment_is_disputed(n, part=False, inquiry=False)
        self.a_webhook_arrives(0)

    @step(2, needs="their_running_disputes", n=recent)
    def we_answer_in_the_dashboard(self, n: int) -> None:
        self.at_stripe("answer_dispute", dispute=nth(self.sight.their_running_disputes, n)["id"])

    @step(2, needs="their_running_disputes", n=recent)
    def a_question_becomes_a_dispute(self, n: int) -> None:
        self.at_stripe("escalate_dispute", dispute=nth(self.sight.their_running_disputes, n)["id"])

    @step(6, needs="their_running_disputes", n=recent, won=either)
    def the_bank_decides(self, n: int, won: bool) -> None:
        one = nth(self.sight.their_running_disputes, n)
        self.at_stripe("close_dispute", dispute=one["id"], won=won)

    @step(5, needs="disputes", n=recent, what=tuple(Dispute.Seat))
    def staff_decide_about_a_disputed_seat(self, n: int, what: Dispute.Seat) -> None:
        dispute = Dispute.objects.get(pk=nth(self.sight.disputes, n).pk)
        with contextlib.suppress(dispute_seats.NotPossible):
            shown = dispute_seats.rehearse(dispute=dispute, what=what, now=self.now())
            dispute_seats.decide(
                dispute_id=dispute.pk,
                what=what,
                reason="The bank asked",
                seen=shown.seen,
                actor=self.people[0],
                now=self.now(),
            )
