"""Looks at an open page as axe, a narrow window and a strict policy do."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

if TYPE_CHECKING:
    from tests.browser.conftest import Visitor  # which imports this module for its fixture

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

Picture = Callable[[Page, str], None]


class Inspector:
    """Looks at the page that is open now; collects what is wrong, to tell all at once."""

    def __init__(self, visitor: "Visitor", picture: Picture, name: str) -> None:
        self.visitor, self.picture, self.name = visitor, picture, name
        self.problems: list[str] = []
        self.rules = [*WCAG, "best-practice"]
        # axe is a script: where the browser runs none, there is only the picture.
        self.runs_scripts = True

    def visit(self, path: str) -> None:
        response: Response | None = self.visitor.page.goto(self.visitor.site.site_url + path)
        if response is None or response.status >= 500:
            self.problems.append(f"{path}: {response and response.status}")
        self.look(path)

    def look(self, path: str) -> None:
        page = self.visitor.page
        slug = re.sub(r"[^a-z0-9]+", "-", path).strip("-") or "home"
        self.picture(page, f"{self.name}-{slug}")
        if not self.runs_scripts:
            return
        found = (
            Axe()
            .run(page, options={"runOnly": {"type": "tag", "values": self.rules}})
            .response["violations"]
        )
        self.problems += [
            f"{path}: {violation['id']}: {node['html'][:160]}"
            for violation in found
            for node in violation["nodes"]
        ]
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if wide > 0:
            self.problems.append(f"{path}: {wide} px wider than the window")

    def finish(self) -> None:
        assert self.problems == [], "\n".join(self.problems)
        assert self.visitor.watch.console == [], "\n".join(self.visitor.watch.console)
        assert self.visitor.watch.origins <= {
            self.visitor.site.site_url,
            self.visitor.site.standin_url,
        }
