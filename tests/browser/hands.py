"""What a person's hands do on a page, counted as the keystroke-level model counts it.

Card, Moran and Newell, "The Keystroke-Level Model for User Performance Time with Interactive
Systems", Communications of the ACM 23(7), 1980: the time that somebody needs who knows the page
and makes no mistake, as a sum of operators. Seconds, with a typist of 40 words a minute:

K  0.28  a key          P  1.10  pointing at something       B  0.20  pressing and letting go
M  1.35  making up one's mind, once for each field and each button
R  0.50  waiting for a page (not theirs: measured pages take less)

What is out of sight costs a P for each screenful to scroll, which the model does not know.
"""

import math
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

KEY, POINT, PRESS, MIND, WAIT = 0.28, 1.10, 0.20, 1.35, 0.50


@dataclass
class Hands:
    """Presses and types on `page`; counts interactions (presses and fields), keys and seconds."""

    page: Page
    presses: int = 0
    fields: int = 0
    keys: int = 0
    scrolls: int = 0
    waits: int = 0

    @property
    def interactions(self) -> int:
        return self.presses + self.fields

    @property
    def seconds(self) -> float:
        decided = MIND * self.interactions + POINT * (self.interactions + self.scrolls)
        return decided + PRESS * self.presses + KEY * self.keys + WAIT * self.waits

    def press(self, what: Locator, *, opens_page: bool = True) -> None:
        """A link, a button or a box to tick."""
        self._reach(what)
        self.presses += 1
        self.waits += opens_page
        what.click()

    def type_into(self, what: Locator, text: str) -> None:
        """A text, typed over what is there; a date (month, day, year) or a time, by its parts."""
        self._reach(what)
        self.fields += 1
        self.keys += len(text)
        if what.get_attribute("type") in ("date", "time"):
            what.focus()
        else:
            self.keys += 1
            what.select_text()
        self.page.keyboard.type(text)

    def _reach(self, what: Locator) -> None:
        box, window = what.bounding_box(), self.page.viewport_size
        assert box is not None
        assert window is not None
        below = box["y"] + box["height"] - window["height"]
        self.scrolls += math.ceil(max(below, -box["y"], 0) / window["height"])
