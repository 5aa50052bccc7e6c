"""Stories that the money machine found, told again: no die, the same laws."""

import contextlib
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from billing.models import CheckoutAttempt, Dispute, Instalment
from sandbox.stripe_standin.process import start
from tests.billing.money.locks import locks_in_order
from tests.billing.money.story import Story

pytestmark = pytest.mark.django_db(transaction=True)


class Told(Story):
    """Each step is followed by a look at every law."""

    def tell(self, step: str, **arguments: object) -> None:
        getattr(self, step)(**arguments)
        self.look()
        self.check()


@pytest.fixture
def story(settings: Settings) -> Iterator[Told]:
    settings.REFUND_SECOND_PERSON_CENTS = 15_000
    with contextlib.ExitStack() as resources:
        standin = resources.enter_context(start())
        settings.STRIPE_API_BASE = standin.url
        told = Told(standin)
        resources.enter_context(locks_in_order())
        yield told


def test_slow_money_of_an_earlier_page_comes_weeks_later_and_no_event_tells(story: Told) -> None:
    story.tell("somebody_goes_to_stripe", who=0)
    story.tell("somebody_buys_in_parts", who=0)
    story.tell("somebody_pays_at_stripe", n=0, outcome="async")
    story.tell("a_part_falls_due", n=0)
    story.end()
    first = CheckoutAttempt.objects.earliest("pk")
    assert (first.status, first.payment.refunds.get().reason) == ("paid", "twice")


@pytest.mark.parametrize("news", ["ten_minutes_strike", "a_webhook_arrives"])
@pytest.mark.parametrize("then", ["the_holds_run_out", "somebody_pays_and_it_is_known_at_once"])
def test_slow_money_is_on_its_way_while_a_second_page_is_open(
    story: Told, news: str, then: str
) -> None:
    story.tell("somebody_goes_to_stripe", who=0)
    story.tell("somebody_goes_to_stripe_for_parts", who=0)
    story.tell("somebody_pays_at_stripe", n=1, outcome="async")
    story.tell(news, **({"n": 0} if news == "a_webhook_arrives" else {}))
    assert story.sight.enrollments[0].status == "awaiting_funds"
    story.tell(then, **({} if then == "the_holds_run_out" else {"n": 0}))
    story.end()
    assert story.sight.enrollments[0].status == "active"


def test_a_part_waits_while_a_bank_holds_money_of_its_seat(story: Told) -> None:
    story.tell("somebody_buys_in_parts", who=0)
    story.tell("a_payment_is_disputed_and_it_is_known_at_once", n=0)
    story.tell("a_part_falls_due", n=0)
    story.end()
    assert Dispute.objects.get().status == Dispute.Status.OPEN
    part = Instalment.objects.get(number=2)
    assert (part.status, part.tries, part.next_try_at) == ("due", 0, part.due_at)


def test_a_part_waits_while_a_person_looks_at_odd_money_for_it(story: Told) -> None:
    story.tell("somebody_buys_in_parts", who=0)
    story.tell("somebody_opens_a_page_for_a_part", n=0)
    story.tell("somebody_pays_a_wrong_amount", n=0)
    story.tell("a_part_falls_due", n=0)
    story.end()
    assert Instalment.objects.get(number=2).tries == 0
    assert [one.status for one in story.sight.in_review] == ["review"]
