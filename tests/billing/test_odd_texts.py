"""What no form sends: bytes that the database refuses, numbers and years beyond everything."""

import pytest
from django.test import Client

from tests.billing.builders import a_seat
from tests.billing.people import at_the_desk

pytestmark = pytest.mark.django_db

ODD = ["A\0B", "A\ud800B", "1" + "0" * 30, "0000-01-01", "9999-12-31", "-1"]
QUERIES = {
    "/money/search/": ("q", "status", "cohort", "page", "balance"),
    "/money/prices/": ("q", "page"),
    "/money/codes/": ("page",),
    "/money/ledger/": ("from", "to", "cohort"),
    "/money/ledger.csv": ("from", "to", "cohort"),
    "/money/numbers/": ("range",),
    "/money/disputes/": ("page",),
    "/money/reconciliation/": ("page",),
}
FORMS = {
    "/money/codes/new/": (
        *("code", "kind", "percent", "amount", "limit", "starts_on", "expires_on"),
        *("cohort", "programme", "note"),
    ),
    "/money/reconciliation/": ("first", "last"),
}
NUMBERED = (
    *("codes/{}/end", "prices/for/{}", "prices/{}/end", "requests/{}"),
    "reconciliation/differences/{}",
)


def sent(text: str) -> str | bytes:
    """As a browser that is not one would write it."""
    return text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("odd", ODD)
def test_odd_texts_at_the_money_desk_break_no_page(odd: str) -> None:
    desk = at_the_desk()
    for path, names in QUERIES.items():
        for name in names:
            assert desk.get(path, {name: sent(odd)}).status_code < 500, (path, name)
    for path, names in FORMS.items():
        for name in names:
            assert desk.post(path, {name: sent(odd)}).status_code < 500, (path, name)
        assert desk.post(path, {name: sent(odd) for name in names}).status_code < 500, path


@pytest.mark.parametrize("number", ["0", "9" * 19, "1" + "0" * 30])
def test_numbers_beyond_everything_are_not_found(number: str) -> None:
    desk = at_the_desk()
    for path in NUMBERED:
        assert desk.get(f"/money/{path.format(number)}/").status_code == 404, path


@pytest.mark.parametrize("odd", ODD)
def test_odd_texts_of_a_member_break_no_page(odd: str, client: Client) -> None:
    seat = a_seat()
    client.force_login(seat.member)
    for path in ("pay/{}/code/", "pay/{}/", "my/{}/ask/", "my/{}/leave/", "my/{}/payments/"):
        address = "/" + path.format(seat.public_id)
        typed = {
            name: sent(odd)
            for name in ("code", "words", "wish", "seen", "confirm", "number", "shown_cents")
        }
        assert client.post(address, typed).status_code < 500, address
