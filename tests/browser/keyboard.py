"""Somebody without a mouse: Tab, typing, Enter, and a focus that can always be seen."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

MOST_TABS = 60
# What has the focus; whether that shows, is on the screen, and lies under nothing else.
FOCUS = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const top = Math.max(box.top, 0), bottom = Math.min(box.bottom, innerHeight);
  const left = Math.max(box.left, 0), right = Math.min(box.right, innerWidth);
  const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return {
    html: element.outerHTML.slice(0, 160),
    top: element === document.body,
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: bottom > top && right > left,
    free: Boolean(hit) && (element.contains(hit) || hit.contains(element)),
    foot: Boolean(element.closest("footer, .site-foot")),
  };
}"""
# All that can be used in the page's main part: a group of radio buttons is one stop.
STOPS = """main => {
  const all = [...main.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]'
  )].filter(one => one.checkVisibility() && !one.disabled && !one.readOnly);
  const radios = new Set();
  return all.filter(one => {
    if (one.type !== "radio") return true;
    const named = `${one.form?.id}-${one.name}`, first = !radios.has(named);
    radios.add(named);
    return first;
  }).length;
}"""


class Keyboard:
    """Moves the focus as a person does; fails where nobody could see it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.tabs = 0

    def tab(self) -> dict[str, Any]:
        self.page.keyboard.press("Tab")
        self.tabs += 1
        focus: dict[str, Any] = self.page.evaluate(FOCUS)
        for _ in range(20):  # the page may still be scrolling
            if focus["seen"] and focus["free"]:
                break
            self.page.wait_for_timeout(50)
            focus = self.page.evaluate(FOCUS)
        assert not focus["top"], "the focus has left the page"
        assert focus["marked"], f"no visible focus: {focus['html']}"
        assert focus["seen"], f"focused out of sight: {focus['html']}"
        assert focus["free"], f"focused under something else: {focus['html']}"
        return focus

    def tab_to(self, what: Locator) -> None:
        """Tab on until `what` has the focus, from wherever it is."""
        expect(what).to_be_attached()
        for _ in range(MOST_TABS):
            if what.evaluate("element => element === document.activeElement"):
                return
            self.tab()
        raise AssertionError(f"{what} was not reached by {MOST_TABS} presses of Tab")

    def skip_to_content(self) -> None:
        """By the link that leads past the head: the first stop of a page."""
        if self.page.evaluate("document.activeElement === document.body"):
            self.tab()
        for _ in range(MOST_TABS):  # where a form has the focus, back from there
            if self.page.evaluate("document.activeElement.className === 'skip-link'"):
                break
            self.page.keyboard.press("Shift+Tab")
        expect(self.page.locator(".skip-link")).to_be_focused()
        self.page.keyboard.press("Enter")
        expect(self.page.locator("main")).to_be_focused()

    def walk(self) -> None:
        """From the head to the foot: Tab stops at all that can be used, in the page's order."""
        self.skip_to_content()
        main = self.page.locator("main")
        wanted: int = main.evaluate(STOPS)
        before = -1
        stops = 0
        while not self.tab()["foot"]:
            place: int = main.evaluate(
                "main => [...main.querySelectorAll('*')].indexOf(document.activeElement)"
            )
            assert place >= before, "the focus went back"
            stops += place > before  # a date's parts are several stops in one field
            before = place
        assert stops == wanted

    def press(self, what: Locator, key: str = "Enter") -> None:
        self.tab_to(what)
        self.page.keyboard.press(key)

    def open(self, what: Locator) -> None:
        """Enter on what leads to another page."""
        self.tab_to(what)
        self.enter()

    def enter(self) -> None:
        """Enter where the focus is; returns on the next page."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def type_into(self, what: Locator, text: str) -> None:
        """Over what is there: Tab selects it."""
        self.tab_to(what)
        self.page.keyboard.type(text)
