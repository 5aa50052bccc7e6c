"""Looks at an open page as axe, a narrow window and a strict policy do."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, Response, ViewportSize

if TYPE_CHECKING:
    from tests.browser.conftest import Visitor  # which imports this module for its fixture

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

TAKES_PICTURES = "SCREENSHOTS" in os.environ
Picture = Callable[[Page, str], None]

PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 320, "height": 844}


@dataclass(frozen=True, slots=True)
class Look:
    """One way in which a page is looked at."""

    name: str
    size: ViewportSize
    scheme: Literal["light", "dark"]
    # axe, the slowest part by far, sees each width and each theme once: a theme is the same few
    # colors at any width. The rest is for people who look at pictures.
    only_picture: bool = False
    # axe is a script: where the browser runs none, there is only the picture.
    scripts: bool = True


# The page stays open, and the window and the theme change around it.
EVERYWHERE = (
    Look("phone-light", PHONE, "light"),
    Look("phone-dark", PHONE, "dark", only_picture=True),
    Look("desktop-dark", DESKTOP, "dark"),
    Look("desktop-light", DESKTOP, "light", only_picture=True),
)
# The admin fades from one theme into the other.
COLORS_ARE_THERE = """() => Promise.allSettled(document.getAnimations()
    .filter(one => one.effect.getComputedTiming().endTime < 1000).map(one => one.finished))"""
WITHOUT_SCRIPTS = (Look("narrow-without-scripts", NARROW, "light", scripts=False),)


class Inspector:
    """Looks at the page that is open now; collects what is wrong, to tell all at once."""

    def __init__(
        self, visitor: "Visitor", picture: Picture, looks: tuple[Look, ...] = EVERYWHERE
    ) -> None:
        self.visitor, self.picture, self.looks = visitor, picture, looks
        self.problems: list[str] = []
        self.rules = [*WCAG, "best-practice"]

    def visit(self, path: str) -> None:
        response: Response | None = self.visitor.page.goto(self.visitor.site.site_url + path)
        if response is None or response.status >= 500:
            self.problems.append(f"{path}: {response and response.status}")
        self.look(path)

    def look(self, path: str, *, also: tuple[Look, ...] = ()) -> None:
        """In every way, and as the page was found afterwards."""
        page = self.visitor.page
        # A press under load can be slower than the next step.
        if "with errors" in path:
            page.get_by_role("alert").first.wait_for()
        page.wait_for_load_state()
        found = page.viewport_size
        assert found is not None
        for look in (*self.looks, *also):
            if look.only_picture and not TAKES_PICTURES:
                continue
            page.set_viewport_size(look.size)
            page.emulate_media(color_scheme=look.scheme)
            if look.scripts:
                page.evaluate(COLORS_ARE_THERE)
            self._look(page, path, look)
        page.set_viewport_size(found)
        page.emulate_media(color_scheme=self.looks[0].scheme)

    def _look(self, page: Page, path: str, look: Look) -> None:
        slug = re.sub(r"[^a-z0-9]+", "-", path).strip("-") or "home"
        self.picture(page, f"{look.name}-{slug}")
        if look.only_picture or not look.scripts:
            return
        options = {
            "runOnly": {"type": "tag", "values": self.rules},
            # Of what is right, axe would else describe each element: most of its work.
            "resultTypes": ["violations"],
        }
        try:
            found = Axe().run(page, options=options).response["violations"]
        except Error:  # the page went while axe looked at it: the next one is meant
            page.wait_for_load_state()
            found = Axe().run(page, options=options).response["violations"]
        self.problems += [
            f"{path}, {look.name}: {violation['id']}: {node['html'][:160]}"
            for violation in found
            for node in violation["nodes"]
        ]
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            self.problems.append(f"{path}, {look.name}: {wide} px wider than the window")

    def finish(self) -> None:
        assert self.problems == [], "\n".join(self.problems)
        assert self.visitor.watch.console == [], "\n".join(self.visitor.watch.console)
        assert self.visitor.watch.origins <= {
            self.visitor.site.site_url,
            self.visitor.site.standin_url,
        }
