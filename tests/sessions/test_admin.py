"""Admins edit the programme and its curriculum."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role
from sessions.models import CurriculumWeek
from tests.accounts.people import make_person, sign_in_with_factor
from tests.sessions.factories import default_programme

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    sign_in_with_factor(client, make_person(role=Role.ADMIN))
    return client


def form_values(client: Client, url: str) -> dict[str, str]:
    """What a browser would send back unchanged."""
    context = client.get(url).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    return {
        field.html_name: "" if field.value() is None else str(field.value())
        for form in forms
        for field in form
    }


def test_the_page_says_that_a_clinician_must_approve_the_text(admin: Client) -> None:
    page = admin.get(
        reverse("admin:group_sessions_programme_change", args=[default_programme().pk])
    )
    assert "a clinician must approve this text before it is used with members" in page.text


def test_skills_are_edited_a_line_each(admin: Client) -> None:
    programme = default_programme()
    url = reverse("admin:group_sessions_programme_change", args=[programme.pk])
    values = form_values(admin, url)
    week = CurriculumWeek.objects.get(programme=programme, number=10)
    name = next(key for key, value in values.items() if value == "DEAR MAN")
    response = admin.post(url, {**values, name: "DEAR MAN\r\n\r\nAsking twice\r\n"})
    assert response.status_code == 302
    week.refresh_from_db()
    assert week.skills == ["DEAR MAN", "Asking twice"]
    assert programme.weeks.count() == 12
