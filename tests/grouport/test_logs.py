"""What an operator reads in a log opens nothing and names nobody."""

import io
import logging

import pytest
from django.test import Client

from grouport.logs import hide_secret_paths

TOKEN = "XBLsDuYLRKcKtYgvvc5bN3oHm6gqNaaO"


@pytest.mark.parametrize(
    ("line", "logged"),
    [
        (f"GET /join/{TOKEN}/", "GET /join/…/"),
        (f"GET /calendar/{TOKEN}.ics", "GET /calendar/…"),
        ("/accounts/login/?next=/my/calendar/", "/accounts/login/?next=/my/calendar/"),
        (f"/accounts/login/?next=/join/{TOKEN}/", "/accounts/login/?next=/join/…/"),
        (f"?next=%2Fjoin%2F{TOKEN}%2F", "?next=%2Fjoin%2F…"),
        ("/accounts/password/reset/key/1-cx8:abc/", "/accounts/password/reset/key/…/"),
        ("GET /groups/join-us/", "GET /groups/join-us/"),
    ],
)
def test_a_path_that_opens_something_is_logged_without_its_secret(line: str, logged: str) -> None:
    assert hide_secret_paths(None, "info", {"event": line, "count": 1}) == {
        "event": logged,
        "count": 1,
    }


@pytest.mark.django_db
def test_a_request_to_a_door_or_a_calendar_leaves_neither_token_nor_address_in_the_log(
    client: Client,
) -> None:
    root = logging.getLogger()
    handler = next(h for h in root.handlers if type(h) is logging.StreamHandler)
    level, written = root.level, io.StringIO()
    stream = handler.setStream(written)
    root.setLevel(logging.INFO)
    try:
        client.get(f"/join/{TOKEN}/", REMOTE_ADDR="203.0.113.9")
        client.get(f"/join/{TOKEN}/no-such-page/", REMOTE_ADDR="203.0.113.9")
        client.get(f"/calendar/{TOKEN}.ics", REMOTE_ADDR="203.0.113.9")
    finally:
        root.setLevel(level)
        handler.setStream(stream)
    assert "/calendar/…" in written.getvalue()
    assert "/join/…/" in written.getvalue()
    assert TOKEN not in written.getvalue()
    assert "203.0.113.9" not in written.getvalue()
