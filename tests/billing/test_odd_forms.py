"""Odd texts in every field of every form about money, seats and practice: no answer is a 500.

The addresses are those of `test_roles.py`, where a missing one fails; the fields are those of the
pages themselves. So a new form is tried without a word here, but for `UNSEEN`.
"""

from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from billing import ledger
from billing.models import Difference, LedgerEntry, RefundDecision
from enrollment.models import Enrollment
from sandbox.stripe_standin.process import Standin
from tests.billing.test_odd_texts import sent
from tests.enrollment.builders import NOW
from tests.test_roles import ADDRESSES, READERS, Address, World, come_in, world

__all__ = ["world"]  # a fixture

pytestmark = pytest.mark.django_db

ODD = (
    *("A\0B", "A\ud800B", "", " ", "x" * 10_000, "1e400", "-1", "NaN", "9" * 5_000, "0.001"),
    *("\u0661\u0662", "\u202eabc\u202c", "\u05d0\u05d1", "\U0001f9e1" * 40, "'; DROP TABLE x; --"),
    *("0000-01-01", "9999-12-31", "2026-02-30", "[]", '{"a": [1, null]}', "[[[[1]]]]", "null"),
)
# No database takes the first two, and no field the third.
WORST = ODD[0], ODD[1], ODD[4]
ROOMS = ("billing:", "enrollment:", "practice:")
# What is sent to an address whose page shows no form now, or names it in another place.
UNSEEN: dict[str, tuple[str, ...]] = {
    "billing:pay_code": ("code", "remove"),
    "billing:pay": ("way", "seen", "shown_cents"),
    "billing:payments": ("number",),
    "billing:ask": ("words", "wish", "seen", "confirm"),
    "billing:leave": ("seen", "confirm"),
    "billing:move_to": ("seen", "confirm", "agreed", "terms"),
    "billing:price_end": ("confirm", "seen"),
    "billing:run_item": ("what", "act", "reason", "seen"),
    "billing:search": ("q", "status", "cohort", "page", "balance"),
    "billing:prices": ("q", "page"),
    "billing:codes": ("page",),
    "billing:ledger": ("from", "to", "cohort", "kind"),
    "billing:ledger_csv": ("from", "to", "cohort", "kind"),
    "billing:numbers": ("range", "from", "to"),
    "billing:disputes": ("page",),
    "billing:dispute": ("look", "seen", "reason"),
    "billing:reconciliation": ("first", "last", "page"),
    "billing:webhook": ("payload",),
    "practice:week": ("note", "outcome", "outcome_words", "take_up", "change", "skip"),
    "practice:diary_day": ("planned", "bring_back", "leave"),
    "practice:sharing": ("page",),
    "practice:proposal": ("seen", "accept", "decline"),
    # Those who write before the first session see no form yet.
    "practice:care_plan": ("week", "kind", "way", "text", "key"),
    "practice:care_goals": ("goal", "week", "seen", "goal_seen", "level", "note", "rate", "agree"),
}
# A small form of its own, beside another one of the same page that is not shown now either.
BESIDE: dict[str, tuple[str, ...]] = {
    "practice:care_plan": ("take_back",),
}
# Which of its pages the form stands on, where an address has several.
LOOKS: dict[str, tuple[str, ...]] = {
    "billing:failed_refund": ("?way=again", "?way=paid", "?way=not-owed"),
}
SHARED = {
    "name": "Sam",
    "email": "sam@clinic.example",
    "role": "ot",
    "parts": "plan",
    "until": "2026-12-01",
}
# What leads from a form to the page behind it, whose fields are tried as well.
STEPS: dict[str, dict[str, str]] = {
    "practice:share_new": SHARED,
    "practice:share_change": SHARED,
    "billing:difference": {"act": "by_hand", "amount": "-1.00", "reason": "Once"},
    "billing:refund": {"basis": "amount", "amount": "1.00", "seat": "keep", "reason": "Once"},
}
# What has to be among the fields of an address: without it, the forms were not come to.
SEEN = {
    "practice:share_new": {"name", "email", "role", "parts", "until", "signature", "key"},
    "practice:share_change": {"name", "role", "parts", "until", "signature", "key"},
    "practice:care_goals": {"goal", "seen", "agree"},
    "billing:failed_refund": {"way", "how", "seen"},
    "billing:difference": {"amount", "reason", "seen", "left", "known", "confirm"},
    "billing:refund": {"basis", "amount", "seat", "reason", "seen", "confirm"},
    "practice:week": {"skill", "activity", "own", "when", "tool", "sure", "seen", "save"},
    "practice:daily_life_area": {"well", "performance", "matters", "seen"},
}
PREFERRED = ("billing", "member", "buyer", "waiting member", "planner", "leader", "admin")


class Fields(HTMLParser):
    """The names in a page, with what they would send; and which of them are in a form that asks
    by its address."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.queried: set[str] = set()
        self.select = ""
        self.posts = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name = said.get("name") or ""
        if tag == "form":
            self.posts = said.get("method") == "post"
        if name and not self.posts:
            self.queried.add(name)
        if tag == "select":
            self.select = name
        if tag == "option" and self.select and said.get("value"):
            self.found.setdefault(self.select, said["value"] or "")
        if tag in ("input", "textarea", "select", "button") and name:
            self.found.setdefault(name, said.get("value") or "")


def fields_of(name: str, page: str) -> tuple[dict[str, str], set[str]]:
    """All of a page, and those that its address may name: what is `UNSEEN` is often read there."""
    parser = Fields()
    parser.feed(page)
    found = dict.fromkeys(UNSEEN.get(name, ()), "") | parser.found
    found.pop("csrfmiddlewaretoken", None)
    return found, parser.queried | set(UNSEEN.get(name, ()))


def reader_of(address: Address) -> str:
    return next(one for one in (*PREFERRED, *READERS) if one in address.allowed)


def asked(ask: Callable[..., Any], path: str, typed: Mapping[str, Any]) -> int:
    """A view that breaks raises here. What it wrote is undone, so the next finds the same page."""
    before = transaction.savepoint()  # no block, in which Stripe could not be asked
    status: int = ask(path, typed).status_code
    transaction.savepoint_rollback(before)
    return status


def tried(client: Client, path: str, fields: dict[str, str], queried: set[str]) -> None:
    """Each text in all fields at once, and in every fourth one by itself, in turns; the worst in
    each. In the address, alone, only what a page may read from it."""
    for turn, odd in enumerate(ODD):
        for place, field in enumerate(fields):
            if odd not in WORST and (turn + place) % 4:
                continue
            typed = {**fields, field: sent(odd)}
            for ask in (client.post, client.get) if field in queried else (client.post,):
                assert asked(ask, path, typed) < 500, (path, field, odd[:20])
        every = {field: sent(odd) for field in fields}
        for ask in (client.post, client.get):
            assert asked(ask, path, every) < 500, (path, odd[:20])


def pages_of(name: str, client: Client, path: str) -> list[str]:
    """What an address shows at first, or each of its forms; and what stands behind them."""
    pages = []
    for look in LOOKS.get(name, ("",)):
        page = client.get(path + look)
        content = b"".join(page) if page.streaming else page.content
        pages.append(content.decode("utf-8", "replace"))
    if name in STEPS:
        typed = {**fields_of(name, pages[0])[0], **STEPS[name]}
        pages.append(client.post(path, typed).content.decode())
    return pages


def a_gap(world: World) -> None:
    """The ledger has another sum of what the world's difference is about."""
    seat = Enrollment.objects.get(**world.values["seat"])
    row = Difference.objects.get(**world.values["difference"])
    row.enrollment, row.kind, row.theirs_cents = seat, Difference.Kind.LEDGER, 29_700
    row.save()
    ledger.post(
        enrollment_id=seat.pk,
        kind=LedgerEntry.Kind.CHARGE,
        amount_cents=29_900,
        currency=row.currency,
        key="twice",
        at=row.first_seen_at,
        stripe_id=row.stripe_id,
    )


def nothing_waits(world: World) -> None:
    """For a second person: while one does, nothing else is decided."""
    RefundDecision.objects.filter(status="waiting").update(
        status="declined", decided_by=world.people["admin"], decided_at=NOW
    )


# What the world lacks for a form to be shown.
BEFORE: dict[str, Callable[[World], None]] = {
    "billing:difference": a_gap,
    "billing:refund": nothing_waits,
}


@pytest.mark.parametrize("name", [name for name in ADDRESSES if name.startswith(ROOMS)])
def test_no_odd_text_breaks_an_address(name: str, world: World, standin: Standin) -> None:
    address = ADDRESSES[name]
    kwargs = {k: v for part in address.kwargs for k, v in world.values[part].items()}
    path = reverse(name, kwargs=kwargs)
    client = Client()
    come_in(client, reader_of(address), world)
    if name in BEFORE:
        BEFORE[name](world)
    forms = [fields_of(name, page) for page in pages_of(name, client, path)]
    forms += [(dict.fromkeys(BESIDE[name], ""), set())] if name in BESIDE else []
    found = {field for form, _ in forms for field in form}
    if name in FORMS:
        assert found, f"{name} has a form: name its fields in UNSEEN"
    assert found >= SEEN.get(name, set())
    for fields, queried in forms:
        tried(client, path, fields or {"x": ""}, queried)


FORMS = {
    *("billing:code_new", "billing:code_end", "billing:price_give", "billing:price_end"),
    *("billing:refund", "billing:decision", "billing:failed_refund", "billing:request"),
    *("billing:run_new", "billing:run", "billing:run_item", "billing:dispute_seat"),
    *("billing:difference", "billing:reconciliation", "billing:leave", "billing:move_to"),
    *("billing:ask", "billing:pay", "billing:pay_code", "billing:payments", "billing:search"),
    *("billing:numbers", "billing:ledger", "enrollment:offer", "billing:outside_refund"),
    *("practice:week", "practice:daily_life_area"),
    "practice:diary_day",
    *("practice:goal_new", "practice:goal", "practice:goal_end"),
    *("practice:share_new", "practice:share_change", "practice:share_leader"),
    *("practice:share_goals", "practice:proposal", "practice:care_plan", "practice:care_goals"),
}


def test_every_form_that_is_named_is_an_address() -> None:
    assert (FORMS | UNSEEN.keys() | BESIDE.keys()) - {"billing:webhook"} <= ADDRESSES.keys()
