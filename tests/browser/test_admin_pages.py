"""The admin's pages for whoever works there: readable, within the policy, nothing foreign."""

import pytest

from sandbox import demo_people as demo
from tests.browser.inspector import DESKTOP, WCAG, Inspector, Look

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.xdist_group("pages")]

PAGES = [
    "/admin/",
    "/admin/group_sessions/cohort/",
    "/admin/group_sessions/cohort/add/",
    "/admin/group_sessions/cohort/1/change/",
    "/admin/group_sessions/programme/1/change/",
    "/admin/enrollment/enrollment/",
    "/admin/enrollment/enrollment/1/change/",
    "/admin/billing/checkoutattempt/",
    "/admin/billing/payment/",
    "/admin/billing/instalment/",
    "/admin/billing/instalmenttry/",
    "/admin/billing/refund/",
    "/admin/billing/stripeevent/",
    "/admin/outbox/message/",
    "/admin/accounts/user/",
    "/admin/accounts/user/1/change/",
    "/admin/accounts/auditentry/",
]
BOTH_THEMES = (
    Look("desktop-light", DESKTOP, "light"),
    Look("desktop-dark", DESKTOP, "dark"),
)


@pytest.mark.parametrize("inspector", [BOTH_THEMES], ids=["desktop"], indirect=True)
def test_the_admin_opens_and_axe_finds_nothing(inspector: Inspector) -> None:
    inspector.rules = WCAG  # Django's own pages, which do not follow all of axe's advice
    inspector.visitor.sign_in(demo.ADMIN, demo.PASSWORD)
    for path in PAGES:
        inspector.visitor.goto(path)
    console = list(inspector.visitor.watch.console)
    for path in PAGES:
        inspector.visit(path)
    assert inspector.problems == []
    # Before axe came: it tries inline styles of its own, which the policy refuses.
    assert console == []
    assert inspector.visitor.watch.origins == {inspector.visitor.site.site_url}
