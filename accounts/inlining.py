"""Styles of a mail, written into its elements: many mail programs read no style sheet."""

from functools import cache

import css_inline


@cache
def _inliner() -> css_inline.CSSInliner:
    # The style element stays: it carries the dark theme, which cannot be inlined.
    return css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def inline_styles(html: str) -> str:
    """The same page with each element's style on the element. Asks nobody for anything."""
    return _inliner().inline(html)
