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
LABELS_TO_WAIT = {"account": "Account", "about_you": "About you", "waitlist": "Waitlist"}
# Once a seat is kept, the questions before it are answered for good.
PAGES = {"about_you": "enrollment:about_you", "agreements": "enrollment:agreements"}


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    label: str
    state: State
    url: str = ""


def steps(current: str, slug: str = "") -> list[Step]:
    """The five steps. With a `slug`, the pages already passed link back."""
    return _steps(LABELS, PAGES, current, slug)


def steps_to_wait(current: str, slug: str) -> list[Step]:
    """The three steps to a place on the waitlist."""
    return _steps(LABELS_TO_WAIT, {"about_you": "enrollment:waitlist_about"}, current, slug)


def _steps(labels: dict[str, str], pages: dict[str, str], current: str, slug: str) -> list[Step]:
    keys = list(labels)
    here = keys.index(current)

    def step(position: int, key: str) -> Step:
        state: State = "done" if position < here else "current" if position == here else "todo"
        linked = slug and state == "done" and key in pages
        return Step(labels[key], state, reverse(pages[key], args=[slug]) if linked else "")

    return [step(position, key) for position, key in enumerate(keys)]
