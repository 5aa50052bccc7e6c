"""Odd texts in every field of every form about money and seats: a kind answer, never a 500.

The addresses are those of `test_roles.py`, where a missing one fails; the fields are those of the
pages themselves. So a new form is tried without a word here, but for `UNSEEN`.
"""

from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from sandbox.stripe_standin.process import Standin
from tests.billing.test_odd_texts import sent
from tests.test_roles import ADDRESSES, READERS, Address, World, come_in, world

__all__ = ["world"]  # a fixture

pytestmark = pytest.mark.django_db

ODD = (
    *("A\0B", "A\ud800B", "", " ", "x" * 10_000, "1e400", "-1", "NaN", "9" * 5_000, "0.001"),
    *("\u0661\u0662", "\u202eabc\u202c", "\u05d0\u05d1", "\U0001f9e1" * 40, "'; DROP TABLE x; --"),
    *("0000-01-01", "9999-12-31", "2026-02-30", "[]", '{"a": [1, null]}', "[[[[1]]]]", "null"),
)
ROOMS = ("billing:", "enrollment:")
# What is sent to an address whose page shows no form now, or names it in another place.
UNSEEN: dict[str, tuple[str, ...]] = {
    "billing:pay_code": ("code", "remove"),
    "billing:pay": ("way", "seen", "shown_cents"),
    "billing:payments": ("number",),
    "billing:ask": ("words", "wish", "seen", "confirm"),
    "billing:leave": ("seen", "confirm"),
    "billing:failed_refund": ("way", "how", "seen"),
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
}
PREFERRED = ("billing", "member", "buyer", "waiting member", "planner", "leader", "admin")


class Fields(HTMLParser):
    """The names in a page, with what they would send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        name = said.get("name") or ""
        if tag == "select":
            self.select = name
        if tag == "option" and self.select and said.get("value"):
            self.found.setdefault(self.select, said["value"] or "")
        if tag in ("input", "textarea", "select", "button") and name:
            self.found.setdefault(name, said.get("value") or "")


def fields_of(name: str, page: str) -> dict[str, str]:
    parser = Fields()
    parser.feed(page)
    found = dict.fromkeys(UNSEEN.get(name, ()), "") | parser.found
    found.pop("csrfmiddlewaretoken", None)
    return found


def reader_of(address: Address) -> str:
    return next(one for one in (*PREFERRED, *READERS) if one in address.allowed)


def tried(client: Client, path: str, fields: dict[str, str]) -> None:
    """A view that breaks raises here."""
    for odd in ODD:
        for field in fields:
            typed = {**fields, field: sent(odd)}
            for ask in (client.get, client.post):
                assert ask(path, typed).status_code < 500, (path, field, odd[:20])
        every = {field: sent(odd) for field in fields}
        assert client.post(path, every).status_code < 500, (path, odd[:20])


@pytest.mark.parametrize("name", [name for name in ADDRESSES if name.startswith(ROOMS)])
def test_no_odd_text_breaks_an_address(name: str, world: World, standin: Standin) -> None:
    address = ADDRESSES[name]
    kwargs = {k: v for part in address.kwargs for k, v in world.values[part].items()}
    path = reverse(name, kwargs=kwargs)
    client = Client()
    come_in(client, reader_of(address), world)
    first = client.get(path)
    page = b"".join(first) if first.streaming else first.content
    fields = fields_of(name, page.decode("utf-8", "replace"))
    if name in FORMS:
        assert fields, f"{name} has a form: name its fields in UNSEEN"
    tried(client, path, fields or {"x": ""})


FORMS = {
    *("billing:code_new", "billing:code_end", "billing:price_give", "billing:price_end"),
    *("billing:refund", "billing:decision", "billing:failed_refund", "billing:request"),
    *("billing:run_new", "billing:run", "billing:run_item", "billing:dispute_seat"),
    *("billing:difference", "billing:reconciliation", "billing:leave", "billing:move_to"),
    *("billing:ask", "billing:pay", "billing:pay_code", "billing:payments", "billing:search"),
    *("billing:numbers", "billing:ledger", "enrollment:offer", "billing:outside_refund"),
}


def test_every_form_that_is_named_is_an_address() -> None:
    assert (FORMS | UNSEEN.keys()) - {"billing:webhook"} <= ADDRESSES.keys()
