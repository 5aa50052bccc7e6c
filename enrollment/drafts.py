"""What was typed and not accepted yet, kept until it is, so that "Back" loses nothing.

A mistake is answered with a redirect to the same page, which shows the draft: no page of the
reservation is the answer to a POST, which a browser could not show again. A draft lives in the
session, encrypted like the answers themselves, and goes with it when the member signs out.
"""

from django.forms import BaseForm
from django.http import HttpRequest

from accounts.encryption import Unreadable, decrypt, encrypt

# Longer than any answer may be, so that a mistake in length is shown with what was typed.
LONGEST = 2_000


def keep(request: HttpRequest, name: str, form: BaseForm) -> None:
    """Store what `form` was sent, and no more than it asks for."""
    asked = tuple(form.fields)
    typed = {key: text[:LONGEST] for key, text in form.data.items() if key.startswith(asked)}
    request.session[_key(name)] = encrypt(typed)


def kept(request: HttpRequest, name: str) -> dict[str, str] | None:
    """The draft, to bind the form to; None when there is none or its key is gone."""
    token = request.session.get(_key(name))
    try:
        return decrypt(token) if token else None
    except Unreadable:
        return None


def drop(request: HttpRequest, name: str) -> None:
    if _key(name) in request.session:  # taking out nothing would still write the session
        del request.session[_key(name)]


def _key(name: str) -> str:
    return f"draft:{name}"
