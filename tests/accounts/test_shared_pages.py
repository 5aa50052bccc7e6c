"""Public pages are made once a second for everybody, and never for somebody."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from accounts import shared_pages
from accounts.shared_pages import SharedPagesMiddleware, shared
from sessions.models import Cohort
from tests.accounts.people import make_person
from tests.enrollment.builders import a_cohort

HOME = reverse("enrollment:home")


@pytest.fixture(autouse=True)
def pages_in_memory(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is, no page grows old by itself.
    monkeypatch.setattr(shared_pages, "FRESH_SECONDS", 3600.0)
    monkeypatch.setattr(shared_pages, "STAND_IN_SECONDS", 3600)
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "shared"}
    settings.CACHES = {**settings.CACHES, "pages": memory}
    caches["pages"].clear()


@pytest.fixture
def a_second_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on every page that was kept is too old."""
    return lambda: monkeypatch.setattr(shared_pages, "FRESH_SECONDS", 0.0)


class Counting:
    """A view that tells how often it was asked, behind the middleware."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse] | None = None) -> None:
        self.asked = 0
        self._answer = answer
        self._through = SharedPagesMiddleware(shared(self._view))

    def _view(self, request: HttpRequest) -> HttpResponse:
        self.asked += 1
        return self._answer(request) if self._answer else HttpResponse(f"page {self.asked}")

    def get(self, path: str = "/", **headers: Any) -> HttpResponse:
        return self._through(RequestFactory().get(path, headers=headers))


@pytest.mark.django_db
@pytest.mark.parametrize("which", ["list", "group"])
def test_the_second_visitor_costs_no_query(which: str) -> None:
    path = HOME if which == "list" else a_cohort().get_absolute_url()
    first = Client().get(path)
    with CaptureQueriesContext(connection) as captured:
        second = Client().get(path)
    assert len(captured) == 0
    assert (second.status_code, second.content) == (200, first.content)
    assert dict(second.items()) == dict(first.items())


@pytest.mark.django_db
def test_a_public_page_leaves_no_cookie_and_keeps_its_guards() -> None:
    for turn in ("made", "shared"):
        response = Client().get(HOME)
        assert dict(response.cookies) == {}, turn
        assert "default-src 'none'" in response["Content-Security-Policy"], turn
        assert (response["X-Frame-Options"], response["Vary"]) == ("DENY", "Cookie"), turn
        assert "csrfmiddlewaretoken" not in response.content.decode(), turn


@pytest.mark.django_db
def test_a_change_is_seen_a_second_later(a_second_later: Callable[[], None]) -> None:
    cohort = a_cohort()
    path = cohort.get_absolute_url()
    Client().get(path)
    Cohort.objects.update(status=Cohort.Status.DRAFT)
    assert Client().get(path).status_code == 200
    a_second_later()
    assert Client().get(path).status_code == 404


@pytest.mark.django_db
def test_whoever_is_signed_in_neither_gets_a_shared_page_nor_leaves_one() -> None:
    member = Client()
    member.force_login(make_person())
    assert "My groups" in member.get(HOME).content.decode()
    assert "My groups" not in Client().get(HOME).content.decode()
    assert "My groups" in member.get(HOME).content.decode()


def test_zones_addresses_and_filters_have_pages_of_their_own() -> None:
    view = Counting()
    asked: list[tuple[str, dict[str, str]]] = [
        ("/", {}),
        ("/?day=1", {}),
        ("/groups/a/", {}),
        ("/", {"cookie": "tz=Asia%2FKolkata"}),
        ("/", {"host": "localhost"}),
    ]
    pages = {view.get(path, **headers).content for path, headers in asked}
    assert len(pages) == 5
    assert {view.get(path, **headers).content for path, headers in asked} == pages
    assert view.asked == 5


def test_a_forged_zone_makes_no_page_of_its_own() -> None:
    view = Counting()
    assert view.get().content == view.get(cookie="tz=Mars%2FOlympus").content


@pytest.mark.parametrize("cookie", ["sessionid=x", "messages=x"])
def test_somebody_who_may_be_told_something_gets_a_page_of_their_own(cookie: str) -> None:
    view = Counting()
    assert view.get().content == b"page 1"
    assert view.get(cookie=cookie).content == b"page 2"
    assert view.get().content == b"page 1"


def _with_cookie(request: HttpRequest) -> HttpResponse:
    response = HttpResponse()
    response.set_cookie("csrftoken", "x")
    return response


def _not_found(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


@pytest.mark.parametrize("answer", [_with_cookie, _not_found])
def test_only_a_page_that_is_good_for_everybody_is_kept(
    answer: Callable[[HttpRequest], HttpResponse],
) -> None:
    view = Counting(answer)
    view.get()
    view.get()
    assert view.asked == 2


def test_a_view_that_is_not_marked_is_asked_each_time() -> None:
    asked: list[str] = []

    def private(request: HttpRequest) -> HttpResponse:
        asked.append(request.path)
        return HttpResponse()

    through = SharedPagesMiddleware(private)
    through(RequestFactory().get("/"))
    through(RequestFactory().get("/"))
    assert len(asked) == 2


def test_a_form_is_never_answered_from_memory() -> None:
    view = Counting()
    view.get()
    SharedPagesMiddleware(shared(view._view))(RequestFactory().post("/"))
    assert view.asked == 2


def test_while_one_request_makes_the_next_page_others_get_the_last(
    a_second_later: Callable[[], None],
) -> None:
    making, go_on = threading.Event(), threading.Event()

    def slow(request: HttpRequest) -> HttpResponse:
        if view.asked == 2:
            making.set()
            assert go_on.wait(30)
        return HttpResponse(f"page {view.asked}")

    view = Counting(slow)
    view.get()
    a_second_later()
    renewing = threading.Thread(target=view.get)
    renewing.start()
    assert making.wait(30)
    assert view.get().content == b"page 1"
    go_on.set()
    renewing.join()
    assert view.get().content == b"page 3"


def test_a_page_that_failed_to_be_made_is_tried_again(a_second_later: Callable[[], None]) -> None:
    def fails_once(request: HttpRequest) -> HttpResponse:
        if view.asked == 2:
            raise Http404
        return HttpResponse(f"page {view.asked}")

    view = Counting(fails_once)
    view.get()
    a_second_later()
    with pytest.raises(Http404):
        view.get()
    assert view.get().content == b"page 3"
