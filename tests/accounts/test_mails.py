"""What every account mail has, and what none says."""

import re
from pathlib import Path
from typing import Any

import allauth
import pytest
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.test import RequestFactory

from accounts.adapter import AccountAdapter

FOLDER = Path(settings.BASE_DIR) / "templates" / "account" / "email"
KINDS = sorted(path.name.removesuffix("_subject.txt") for path in FOLDER.glob("*_subject.txt"))
CLINICAL = re.compile(
    r"\b(dbt|therap\w*|diagnos\w*|clinic\w*|treatment|mental|disorder|skills group)\b",
    re.IGNORECASE,
)


def render(kind: str, **context: Any) -> EmailMultiAlternatives:
    words = {
        "code": "ABC-DEF",
        "password_reset_url": "http://testserver/reset/",
        "from_email": "old@example.org",
        "to_email": "new@example.org",
        "deleted_email": "old@example.org",
        **context,
    }
    adapter = AccountAdapter(RequestFactory().get("/"))
    return adapter.render_mail(f"account/email/{kind}", "sam@example.org", words)


def html_of(mail: EmailMultiAlternatives) -> str:
    return str(mail.alternatives[0][0])


def test_every_mail_that_allauth_can_send_is_in_our_words() -> None:
    theirs = Path(allauth.__file__).parent / "templates" / "account" / "email"
    kinds = {path.name.removesuffix("_subject.txt") for path in theirs.glob("*_subject.txt")}
    # Passwords are reset by a link here, not by a code.
    assert kinds - {"password_reset_code"} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_is_neutral_has_both_forms_and_the_safety_foot(kind: str) -> None:
    mail = render(kind)
    html = html_of(mail)
    assert mail.to == ["sam@example.org"]
    assert not mail.cc
    assert not mail.bcc
    assert mail.subject
    assert "\n" not in mail.subject
    for text in (str(mail.subject), str(mail.body), html):
        assert not CLINICAL.search(text)
        assert "{%" not in text
        assert "{{" not in text
    for text in (str(mail.body), html):
        assert "911" in text
        assert "988" in text
        assert "741741" in text
        assert settings.SUPPORT_EMAIL in text


@pytest.mark.parametrize("kind", KINDS)
def test_no_subject_gives_a_code_away_on_a_lock_screen(kind: str) -> None:
    assert "ABC-DEF" not in render(kind).subject


def test_a_name_with_markup_stays_text() -> None:
    mail = render("email_changed", to_email="<b>new</b>@example.org")
    assert "&lt;b&gt;new&lt;/b&gt;" in html_of(mail)
    assert "<b>new</b>" in str(mail.body)


def test_each_mail_has_an_id_of_the_practices_own() -> None:
    one, other = (render("login_code").extra_headers["Message-ID"] for _ in range(2))
    assert one != other
    assert one.endswith("@testserver>")
