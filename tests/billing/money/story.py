"""The story that the machine tells: which of all the steps is next."""

from random import Random

from hypothesis import note

from tests.billing.money import desk, disputes, line, moves, plan, prices
from tests.billing.money.steps import STEPS

ALWAYS = {"people", "stripe"}
THEMES = ("line", "plan", "desk", "disputes", "prices", "moves")


class Story(line.Line, plan.Plan, desk.Desk, disputes.Disputes, prices.Prices, moves.Moves):
    """One group of two seats, five people who want one, and a Stripe that has bad days.

    Each story is about some of the themes: with all of them, none would come far.
    """

    def begin(self, themes: set[str]) -> None:
        self.themes = ALWAYS | themes
        note(f"about {sorted(self.themes)}")

    def go_on(self, chance: Random) -> None:
        """Take a step that could change anything now, by its weight."""
        possible = [
            name
            for name, one in STEPS.items()
            if one.theme in self.themes and (not one.needs or getattr(self.sight, one.needs))
        ]
        [name] = chance.choices(possible, [STEPS[one].weight for one in possible])
        chosen = {key: chance.choice(of) for key, of in STEPS[name].arguments.items()}
        note(f"{name} {chosen}")
        getattr(self, name)(**chosen)
