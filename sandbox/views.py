"""The development mailbox: what the application has sent, to whom, as it would be read."""

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp, csp_update
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from sandbox.mailbox import StoredMail, stored_mail, stored_mails

PER_PAGE = 50


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """All mails, newest first; `?to=` keeps those of one recipient."""
    everything = list(stored_mails(settings.MAILBOX_DIR))
    recipient = request.GET.get("to", "").strip().lower()
    shown = [mail for mail in everything if not recipient or recipient in mail.recipients]
    return render(
        request,
        "sandbox/mailbox.html",
        {
            "page": Paginator(shown, PER_PAGE).get_page(request.GET.get("page")),
            "recipient": recipient,
            "recipients": sorted({address for mail in everything for address in mail.recipients}),
        },
    )


@require_safe
@csp_update({"frame-src": [SELF]})  # type: ignore[arg-type]  # its types know no arguments of views
def mail(request: HttpRequest, key: str) -> HttpResponse:
    found = find(key)
    context = {"mail": found, "to": str(found.message["To"] or ""), "headers": headers(found)}
    return render(request, "sandbox/mail.html", context)


@require_safe
@xframe_options_sameorigin
@csp(  # type: ignore[arg-type]  # the same
    {
        # A mail brings its own styles and may bring anything: it runs nothing and loads nothing.
        "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
        "default-src": [NONE],
        "style-src": [UNSAFE_INLINE],
        "img-src": ["data:"],
        "frame-ancestors": [SELF],
    }
)
def mail_html(request: HttpRequest, key: str) -> HttpResponse:
    return HttpResponse(find(key).html)


@require_safe
def mail_source(request: HttpRequest, key: str) -> HttpResponse:
    return HttpResponse(find(key).source, content_type="text/plain; charset=utf-8")


@require_safe
def attachment(request: HttpRequest, key: str, number: int) -> HttpResponse:
    for part in find(key).attachments:
        if part.number == number:
            response = HttpResponse(part.content, content_type=part.mimetype)
            response.headers["Content-Disposition"] = content_disposition_header(True, part.name)
            return response
    raise Http404


def find(key: str) -> StoredMail:
    found = stored_mail(settings.MAILBOX_DIR, key)
    if found is None:
        raise Http404
    return found


def headers(mail: StoredMail) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in mail.message.items()]
