"""The steps that are always possible: what Stripe, the clock and the sweeps do."""

from typing import Any

from billing import events
from billing.models import StripeEvent
from enrollment.links import promise_links
from tests.billing.builders import post_event
from tests.billing.money.steps import cents, either, nth, recent, step
from tests.billing.money.world import World, on_a_bad_day

ROUTES = (
    "POST /v1/checkout/sessions",
    "GET /v1/checkout/sessions/:id",
    "POST /v1/checkout/sessions/:id/expire",
    "GET /v1/checkout/sessions",
    "POST /v1/refunds",
    "GET /v1/refunds",
    "GET /v1/refunds/:id",
    "POST /v1/payment_intents",
    "GET /v1/payment_intents",
    "GET /v1/payment_intents/:id",
    "POST /v1/customers",
    "GET /v1/disputes",
    "GET /v1/disputes/:id",
)

SUBSCRIBED = (
    *("checkout.session.", "refund.", "charge.refund", "charge.dispute."),
    *("payment_intent.succeeded", "payment_intent.payment_failed"),
)


def is_subscribed(event: dict[str, Any]) -> bool:
    """Of what tells of a payment on a page, our endpoint stores the page's own events only."""
    return event["type"].startswith(SUBSCRIBED) and events.concerns_us(
        event["type"], event["data"]["object"]
    )


THEMES = ("line", "plan", "desk", "disputes", "prices")


class Stripe(World):
    """It has bad days, tells late and twice, and changes its mind about refunds."""

    @step(5, n=range(10), stored_only=either)
    def a_webhook_arrives(self, n: int, stored_only: bool = False) -> None:
        """Any event: late, twice, out of order, or never. Invariant 8: a 200 is stored."""
        made = [one for one in self.standin.events() if is_subscribed(one)]
        if not made:
            return
        event = nth(made, n)
        assert post_event(event) == 200
        stored = StripeEvent.objects.get(event_id=event["id"])
        if not stored_only:
            on_a_bad_day(lambda: events.apply_event(event=stored, now=self.now()))

    @step(
        3,
        route=ROUTES,
        kind=("500", "429", "reset"),
        when=("before", "after"),
        times=range(1, 5),
    )
    def stripe_has_a_bad_moment(self, route: str, kind: str, when: str, times: int) -> None:
        self.standin.control("fault", route=route, kind=kind, when=when, times=times)

    @step(1, outcome=("pending", "failed", "fails_later"))
    def the_next_refund_goes_another_way(self, outcome: str) -> None:
        self.standin.control("next_refund", outcome=outcome, after=60.0)

    @step(3, needs="their_open_refunds", n=recent, fails=either)
    def a_refund_ends(self, n: int, fails: bool) -> None:
        refund = nth(self.sight.their_open_refunds, n)
        # Banks send back within days, and the sweep looks so far back.
        fails = fails and self.is_young(self.sight.their_refunds[refund]["created"], days=6)
        self.at_stripe("fail_refund" if fails else "finish_refund", refund=refund)

    @step(2, needs="payments", n=recent, cents=cents)
    def somebody_refunds_in_the_dashboard(self, n: int, cents: int) -> None:
        intent = nth(self.sight.payments, n).stripe_payment_intent_id
        self.at_stripe("refund", payment_intent=intent, amount=cents)

    # --- Time and the sweeps ------------------------------------------------------------

    @step(2, minutes=(1, 6, 16, 32, 40))
    def time_passes(self, minutes: int) -> None:
        self.pass_time(minutes)

    @step(3, needs="attempts")
    def the_holds_run_out(self) -> None:
        self.pass_time(minutes=37)
        self.minute()

    @step(1, needs="slow_pages")
    def eight_days_pass(self) -> None:
        """Longer than a seat waits for slow money."""
        self.everything_is_asked_for()
        self.pass_time(minutes=8 * 24 * 60)

    @step(4)
    def the_minute_strikes(self) -> None:
        self.minute()
        promise_links(now=self.now())
        self.send_mails()

    @step(3)
    def ten_minutes_strike(self) -> None:
        self.ten_minutes()
