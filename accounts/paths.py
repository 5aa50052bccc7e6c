"""Where a form may send its reader next."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def path_here(request: HttpRequest, target: str, otherwise: str) -> str:
    """The target if it is an absolute path on this site, else the other one.

    `django.shortcuts.redirect` would take a bare word for the name of a view.
    """
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe and target.startswith("/") else otherwise
