"""The calendar that keeps itself up to date: the page where its link is made, and the link."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from enrollment import feed as feeds
from enrollment.views.asking import member_of

MADE = "Your calendar link is ready."
STAYED = "You have a calendar link already. It still works."
RENEWED = "You have a new calendar link. The old one has stopped working."
WAS_OFF = "Your calendar link was turned off meanwhile. You can make one again."
OFF = "Your calendar link is turned off. It shows nothing to anybody any more."


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def my_calendar(request: HttpRequest) -> HttpResponse:
    person = member_of(request)
    if request.method == "POST":
        words = _done(person, request.POST.get("do", ""))
        say = messages.warning if words == WAS_OFF else messages.success
        say(request, words)
        return redirect("enrollment:my_calendar")
    feed = feeds.feed_of(person)
    context = {"feed": feed, "webcal_url": "webcal:" + feed.url.partition(":")[2] if feed else ""}
    return render(request, "enrollment/my_calendar.html", context)


def _done(person: User, asked: str) -> str:
    """Does what was pressed, and says what came of it."""
    now = timezone.now()
    match asked:
        case "make":
            return MADE if feeds.make_link(person=person, now=now) else STAYED
        case "renew":
            return RENEWED if feeds.renew_link(person=person, now=now) else WAS_OFF
        case "off":
            feeds.turn_off(person=person)
            return OFF
    raise Http404


@never_cache
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """For calendar programs: nobody signs in, nothing is written, the address is the key."""
    person = feeds.person_behind(token=token)
    if person is None:
        raise Http404
    return HttpResponse(
        feeds.feed_ics(person=person, now=timezone.now()),
        content_type="text/calendar; charset=utf-8",
        headers={
            "Content-Disposition": 'inline; filename="sessions.ics"',
            "X-Robots-Tag": "noindex, nofollow",
        },
    )
