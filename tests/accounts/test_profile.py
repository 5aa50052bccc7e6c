"""The reader's own page."""

from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from tests.accounts.people import make_person

pytestmark = pytest.mark.django_db

PROFILE = reverse("accounts:profile")


def test_it_is_for_signed_in_people(client: Client) -> None:
    response = client.get(PROFILE)
    assert response["Location"] == f"{reverse('account_login')}?next={PROFILE}"


def test_name_and_zone_are_saved_and_nothing_else(client: Client) -> None:
    person = make_person()
    other = make_person("kim@example.org")
    client.force_login(person)
    answers = {
        "display_name": "Sam R.",
        "time_zone": "Europe/Lisbon",
        "role": "admin",
        "email": "kim@example.org",
        "id": str(other.pk),
    }
    assert client.post(PROFILE, answers)["Location"] == PROFILE
    person.refresh_from_db()
    other.refresh_from_db()
    assert (person.display_name, person.time_zone) == ("Sam R.", "Europe/Lisbon")
    assert (person.role, person.email) == (Role.MEMBER, "sam@example.org")
    assert other.display_name == ""
    assert unquote(client.cookies["tz"].value) == "Europe/Lisbon"
    said = [str(message) for message in client.get(PROFILE).context["messages"]]
    assert said == ["Your profile is saved."]


@pytest.mark.parametrize(
    ("changes", "where"),
    [({"display_name": ""}, "display_name"), ({"time_zone": "x"}, "time_zone")],
)
def test_mistakes_are_named_at_their_field(
    client: Client, changes: dict[str, str], where: str
) -> None:
    person = make_person(display_name="Sam")
    client.force_login(person)
    answers = {"display_name": "Sam", "time_zone": "America/Denver", **changes}
    response = client.post(PROFILE, answers)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == [where]
    person.refresh_from_db()
    assert (person.display_name, person.time_zone) == ("Sam", "America/New_York")
