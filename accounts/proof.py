"""Showing once more that it is you, before an open session may change how one signs in.

allauth asks for the password only, and asks nothing of members who have none. Here a code
by mail counts as well, so nobody stands before a door without a handle.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import (
    get_authentication_records,
    record_authentication,
)
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode

SESSION_KEY = "proof_code"
TRIES = 3


def is_proven(request: HttpRequest) -> bool:
    """Whether a password or a code was given in this session a short while ago."""
    since = time.time() - settings.PROOF_SECONDS
    return any(record["at"] > since for record in get_authentication_records(request, request.user))


def needs_proof(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Ask for it first, then come back to this page. A form that came too late is asked again."""

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_proven(request):
            return view(request, *args, **kwargs)
        way = get_adapter(request).get_reauthentication_methods(request.user)[0]["url"]
        return HttpResponseRedirect(f"{way}?{urlencode({'next': request.path})}")

    return guarded


@dataclass
class Proof:
    """The code that a session waits for."""

    code: str
    sent_at: float
    wrong: int = 0

    @classmethod
    def awaited(cls, request: HttpRequest) -> "Proof | None":
        kept = request.session.get(SESSION_KEY)
        proof = cls(**kept) if kept else None
        in_time = proof and time.time() - proof.sent_at < settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT
        return proof if in_time else None

    @classmethod
    def send(cls, request: HttpRequest) -> None:
        """Mail a new code to the account's own address; an earlier one is worth nothing now."""
        adapter = get_adapter(request)
        proof = cls(adapter.generate_login_code(), time.time())
        email = request.user.email  # type: ignore[union-attr]  # the view needs a login
        adapter.send_mail("account/email/login_code", email, {"code": proof.code})
        adapter.code_was_asked_for(request, email)
        proof.keep(request)

    def keep(self, request: HttpRequest) -> None:
        request.session[SESSION_KEY] = vars(self)

    def was_wrong(self, request: HttpRequest) -> bool:
        """Count one wrong try. Returns whether there are more."""
        self.wrong += 1
        if self.wrong < TRIES:
            self.keep(request)
            return True
        del request.session[SESSION_KEY]
        return False

    def was_right(self, request: HttpRequest) -> None:
        del request.session[SESSION_KEY]
        record_authentication(request, request.user, method="code", reauthenticated=True)
