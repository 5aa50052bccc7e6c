"""Times are shown on the reader's clock."""

import datetime as dt
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts import context_processors
from accounts.middleware import TimeZoneMiddleware
from accounts.models import User
from tests.accounts.people import make_person

pytestmark = pytest.mark.django_db

CHOOSE = reverse("accounts:time_zone")


def zone_of_a_page(cookie: str = "", user: User | None = None) -> str:
    """Which zone is active while a page is made for this reader."""
    request = RequestFactory().get("/")
    request.user = user or AnonymousUser()
    if cookie:
        request.COOKIES["tz"] = cookie
    seen: list[str] = []

    def page(request: HttpRequest) -> HttpResponse:
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    response = TimeZoneMiddleware(page)(request)
    assert "Cookie" in response["Vary"]
    return seen[0]


def test_a_stranger_reads_eastern_time() -> None:
    assert zone_of_a_page() == "America/New_York"


@pytest.mark.parametrize("cookie", ["Asia%2FKolkata", "Asia/Kolkata"])
def test_the_browsers_zone_is_used_once_it_is_known(cookie: str) -> None:
    assert zone_of_a_page(cookie) == "Asia/Kolkata"


def test_the_accounts_zone_comes_first() -> None:
    person = make_person(time_zone="Pacific/Honolulu")
    assert zone_of_a_page("Asia%2FKolkata", person) == "Pacific/Honolulu"


@pytest.mark.parametrize(
    "cookie", ["Mars/Olympus", "../../etc/passwd", "%00", "America", "a" * 4000, "localtime"]
)
def test_a_forged_zone_is_ignored(cookie: str) -> None:
    assert zone_of_a_page(cookie) == "America/New_York"


def test_a_stored_zone_that_no_longer_exists_breaks_no_page() -> None:
    assert zone_of_a_page(user=make_person(time_zone="Gone/Away")) == "America/New_York"


def test_the_zone_ends_with_the_page() -> None:
    zone_of_a_page("Asia%2FKolkata")
    assert timezone.get_current_timezone_name() == "UTC"


def test_the_zone_ends_with_a_page_that_fails() -> None:
    request = RequestFactory().get("/", headers={"cookie": "tz=Asia%2FKolkata"})
    request.user = AnonymousUser()

    def page(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        TimeZoneMiddleware(page)(request)
    assert timezone.get_current_timezone_name() == "UTC"


def test_every_page_knows_whether_its_reader_chose_the_zone() -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    words = context_processors.site(request)
    assert (words["reader_zone_label"], words["reader_zone_known"]) == ("Eastern", False)
    request.COOKIES["tz"] = "Asia/Kathmandu"
    words = context_processors.site(request)
    assert (words["reader_zone_label"], words["reader_zone_known"]) == ("Kathmandu", True)


def test_choosing_a_zone_keeps_it_in_the_browser_and_goes_back(client: Client) -> None:
    response = client.post(CHOOSE, {"time_zone": "America/Denver", "next": "/groups/a/?state=CO"})
    assert (response.status_code, response["Location"]) == (302, "/groups/a/?state=CO")
    cookie = client.cookies["tz"]
    assert unquote(cookie.value) == "America/Denver"
    assert cookie["max-age"] == dt.timedelta(days=365) / dt.timedelta(seconds=1)
    assert cookie["samesite"] == "Lax"


def test_choosing_a_zone_keeps_it_in_the_account(client: Client) -> None:
    person = make_person()
    client.force_login(person)
    client.post(CHOOSE, {"time_zone": "America/Denver"})
    person.refresh_from_db()
    assert person.time_zone == "America/Denver"


def test_a_zone_that_does_not_exist_is_not_kept(client: Client) -> None:
    person = make_person()
    client.force_login(person)
    response = client.post(CHOOSE, {"time_zone": "Mars/Olympus", "next": "/my/profile/"})
    assert response["Location"] == "/my/profile/"
    assert "tz" not in client.cookies
    person.refresh_from_db()
    assert person.time_zone == "America/New_York"
    said = [str(message) for message in client.get("/my/profile/").context["messages"]]
    assert said == ["We do not know this time zone. Choose one from the list."]


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_nobody_is_led_off_the_site(client: Client, target: str) -> None:
    response = client.post(CHOOSE, {"time_zone": "America/Denver", "next": target})
    assert response["Location"] == "/"


def test_a_link_alone_changes_nothing(client: Client) -> None:
    response = client.get(CHOOSE, {"time_zone": "America/Denver"})
    assert "tz" not in client.cookies
    assert '<option value="America/New_York" selected>' in response.content.decode()


def test_the_page_offers_us_zones_first_and_the_readers_own_and_a_way_back(client: Client) -> None:
    client.cookies["tz"] = "Asia/Kathmandu"
    page = client.get(CHOOSE, {"next": "/?state=CO"})
    assert page.context["choices"][0] == ("America/New_York", "Eastern")
    assert ("Asia/Kathmandu", "Kathmandu") in page.context["choices"]
    assert '<input type="hidden" name="next" value="/?state=CO">' in page.content.decode()
    assert '<a href="/?state=CO">Back' in page.content.decode()


def test_the_page_leads_nobody_off_the_site(client: Client) -> None:
    page = client.get(CHOOSE, {"next": "https://evil.example/"})
    assert page.context["next"] == "/"
    assert "evil.example" not in page.content.decode()


def test_another_site_cannot_change_it() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post(CHOOSE, {"time_zone": "America/Denver"}).status_code == 403
