"""Steps of whoever goes: to another group, with the money that is left, or away for good."""

import contextlib
import uuid

from billing import leaving, transfers
from billing.decisions import ChangedMeanwhile
from billing.models import Transfer
from billing.rehearsals import Impossible
from enrollment.models import Enrollment
from enrollment.refusals import Refused
from tests.billing.money.laws_of_the_desk import nothing_held_by_a_bank_goes_back
from tests.billing.money.people import People
from tests.billing.money.steps import nth, recent, step


class Moves(People):
    """The other group costs less, or more once weeks have passed."""

    @step(5, needs="confirmed", n=recent)
    def somebody_moves(self, n: int) -> None:
        source = nth(self.sight.confirmed, n)
        there = self.other if source.cohort_id == self.cohort.pk else self.cohort
        with contextlib.suppress(Impossible, ChangedMeanwhile, Refused):
            shown = transfers.rehearse(source=source, cohort=there, now=self.now())
            key = uuid.uuid4()
            made = [
                transfers.start(
                    source_id=source.pk,
                    cohort=there,
                    seen=shown.seen,
                    key=key,
                    actor=source.member,
                    now=self.now(),
                )
                for _ in range(2)  # pressed twice
            ]
            assert made[0].pk == made[1].pk
            assert (
                made[0].price_cents + made[0].back_cents == made[0].credit_cents + made[0].due_cents
            )

    @step(4, needs="open_moves", n=recent)
    def somebody_goes_to_pay_the_rest(self, n: int) -> None:
        self.press_pay(nth(self.sight.open_moves, n).target)

    @step(4, needs="confirmed", n=recent)
    def somebody_moves_and_pays_the_rest(self, n: int) -> None:
        self.somebody_moves(n)
        for transfer in Transfer.objects.filter(Transfer.KEPT, state=Transfer.State.OPEN):
            self.press_pay(transfer.target)
            for attempt in transfer.target.attempts.filter(status="open").exclude(checkout_url=""):
                self.at_stripe("pay", session=attempt.stripe_session_id)
                self.a_webhook_arrives(0)

    @step(1, needs="open_moves", n=recent)
    def somebody_stays_after_all(self, n: int) -> None:
        transfer = nth(self.sight.open_moves, n)
        transfers.stop(transfer=transfer, actor=transfer.source.member, now=self.now())

    @step(3, needs="confirmed", n=recent)
    def somebody_leaves_by_themselves(self, n: int) -> None:
        one = Enrollment.objects.get(pk=nth(self.sight.confirmed, n).pk)
        with contextlib.suppress(Impossible, ChangedMeanwhile):
            shown = leaving.rehearse(enrollment=one, now=self.now())
            made = leaving.leave(
                enrollment_id=one.pk,
                seen=shown.seen,
                key=uuid.uuid4(),
                member=one.member,
                now=self.now(),
            )
            assert made.amount_cents == shown.cents
            nothing_held_by_a_bank_goes_back(list(made.refunds.all()))
