"""Members, holds, payments, refunds and a bad Stripe in any order: what must always hold.

Hypothesis writes the stories (`money/story.py`), each about two of these: the waitlist, paying in
parts, decisions of the desk, disputes, prices. After each step every invariant is checked
(`money/laws*.py`); at the end every fault is over, time passes, the sweeps run, our ledger must
equal the stand-in's books to the cent, and the nightly comparison must find no difference.
"""

import contextlib
import sys
from random import Random

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as story_options
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from sandbox.stripe_standin.process import start
from tests.billing.money.locks import locks_in_order
from tests.billing.money.story import THEMES, Story

pytestmark = [
    pytest.mark.soak,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
]

CONFIGURATION: list[Settings] = []


class MoneyMachine(RuleBasedStateMachine):
    """Chooses the next step by its weight, among those that could change anything."""

    story: Story

    @initialize(
        arrivals=st.integers(min_value=0, max_value=2), chance=st.randoms(use_true_random=True)
    )
    def begin(self, arrivals: int, chance: Random) -> None:
        self.resources = contextlib.ExitStack()
        standin = self.resources.enter_context(start())
        CONFIGURATION[0].STRIPE_API_BASE = standin.url
        self.story = Story(standin)
        self.resources.enter_context(locks_in_order())
        self.story.begin(set(chance.sample(THEMES, 2)))
        for index in range(arrivals):
            self.story.somebody_goes_to_stripe(index)

    @rule(chance=st.randoms(use_true_random=True))
    def next_step(self, chance: Random) -> None:
        """By a die: Hypothesis' own choices would come back to the same few steps."""
        self.story.go_on(chance)

    @invariant()
    def every_law_holds(self) -> None:
        if hasattr(self, "story"):
            self.story.look()
            self.story.check()

    def teardown(self) -> None:
        if hasattr(self, "story"):
            with self.resources:
                if sys.exc_info()[0] is None:  # else the story is over already
                    self.story.end()


# Some 1,600 steps, a minute of processor time. Most single breaks are found within twenty.
STORIES = story_options(
    deadline=None,
    max_examples=40,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
    # A failing story is told as it was found: shortening it takes many minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def test_no_story_loses_a_cent_or_sells_a_seat_twice(settings: Settings) -> None:
    settings.REFUND_SECOND_PERSON_CENTS = 15_000
    CONFIGURATION[:] = [settings]
    run_state_machine_as_test(MoneyMachine, settings=STORIES)
