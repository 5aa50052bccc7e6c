"""The step line of the reservation: where I am, what is done, and the way back."""

import dataclasses
from typing import Literal

from django.urls import reverse

State = Literal["done", "current", "todo"]
LABELS = {
    "account": "Account",
    "about_you": "About you",
    "agreements": "Agreements",
    "payment": "Payment",
    "done": "Done",
}
# Once a seat is kept, the questions before it are answered for good.
PAGES = {"about_you": "enrollment:about_you", "agreements": "enrollment:agreements"}


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    label: str
    state: State
    url: str = ""


def steps(current: str, slug: str = "") -> list[Step]:
    """The five steps. With a `slug`, the pages already passed link back."""
    keys = list(LABELS)
    here = keys.index(current)

    def step(position: int, key: str) -> Step:
        state: State = "done" if position < here else "current" if position == here else "todo"
        linked = slug and state == "done" and key in PAGES
        return Step(LABELS[key], state, reverse(PAGES[key], args=[slug]) if linked else "")

    return [step(position, key) for position, key in enumerate(keys)]
