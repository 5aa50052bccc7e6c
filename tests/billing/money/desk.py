"""Steps of the money desk: rehearse, decide, agree as a second person, press on an old page."""

import contextlib
import uuid

from billing import decisions, failed_refunds, rehearsals
from billing.models import RefundDecision
from billing.policy import Basis
from billing.refunds import NotRefundable
from billing.rehearsals import Impossible, Seen, Wish
from enrollment.models import Enrollment
from tests.billing.money.laws_of_the_desk import nothing_held_by_a_bank_goes_back
from tests.billing.money.people import People
from tests.billing.money.steps import either, nth, recent, step

bases = tuple(Basis)
amounts = (1, 5_000, 9_967, 14_000, 16_000, 29_900)
Page = tuple[int, Wish, Seen, uuid.UUID]


class Desk(People):
    """Two people at the desk give money back, several times over."""

    def _look_at(self, enrollment: Enrollment, wish: Wish) -> Page | None:
        one = Enrollment.objects.get(pk=enrollment.pk)
        with contextlib.suppress(Impossible):
            shown = rehearsals.rehearse(enrollment=one, wish=wish, now=self.now())
            page = (one.pk, wish, shown.seen, uuid.uuid4())
            self.old_pages.append(page)
            return page
        return None

    def _press(self, page: Page, who: int) -> None:
        pk, wish, seen, key = page
        before = RefundDecision.objects.filter(uuid=key).first()
        with contextlib.suppress(decisions.ChangedMeanwhile, Impossible):
            made = decisions.decide(
                enrollment_id=pk,
                wish=wish,
                seen=seen,
                key=key,
                actor=self.people[who],
                reason="They moved",
                now=self.now(),
            )
            assert before is None or made.pk == before.pk
            assert made.amount_cents == seen.cents, "not what the page showed"
            if before is None:
                nothing_held_by_a_bank_goes_back(list(made.refunds.all()))

    @step(12, needs="paid_for", n=recent, basis=bases, amount=amounts, frees=either, who=(0, 1))
    def staff_decide(self, n: int, basis: Basis, amount: int, frees: bool, who: int) -> None:
        wish = Wish(basis, amount if basis is Basis.AMOUNT else 0, frees)
        page = self._look_at(nth(self.sight.paid_for, n), wish)
        if page is not None:
            self._press(page, who)

    @step(2, needs="paid_for", n=recent, basis=bases, frees=either)
    def staff_only_look(self, n: int, basis: Basis, frees: bool) -> None:
        self._look_at(nth(self.sight.paid_for, n), Wish(basis, 100, frees))

    @step(3, needs="old_pages_seen", n=range(6), who=(0, 1))
    def staff_press_on_an_old_page(self, n: int, who: int) -> None:
        self._press(nth(self.old_pages, n), who)

    @step(3, needs="confirmed", n=recent)
    def the_seat_is_freed_and_nothing_goes_back(self, n: int) -> None:
        page = self._look_at(nth(self.sight.confirmed, n), Wish(Basis.AMOUNT, 0, True))
        if page is not None:
            self._press(page, 0)

    @step(8, needs="waiting_decisions", n=recent, who=(0, 1), agrees=(True, True, False))
    def a_second_person_answers(self, n: int, who: int, agrees: bool) -> None:
        decision = RefundDecision.objects.get(pk=nth(self.sight.waiting_decisions, n).pk)
        if not agrees:
            decisions.decline(decision=decision, actor=self.people[who], now=self.now())
            return
        with contextlib.suppress(decisions.ChangedMeanwhile, Impossible, NotRefundable):
            shown = rehearsals.rehearse(
                enrollment=decision.enrollment,
                wish=decisions.wish_of(decision),
                now=self.now(),
                apart_from=decision,
            )
            decisions.approve(
                decision=decision, seen=shown.seen, actor=self.people[who], now=self.now()
            )
            nothing_held_by_a_bank_goes_back(list(decision.refunds.all()))

    @step(1, needs="failed_refunds", n=recent)
    def staff_settle_a_failed_refund_otherwise(self, n: int) -> None:
        with contextlib.suppress(NotRefundable, failed_refunds.AlreadySettled):
            failed_refunds.settle_otherwise(
                refund_uuid=nth(self.sight.failed_refunds, n).uuid,
                actor=self.people[0],
                how="By cheque",
                now=self.now(),
            )
