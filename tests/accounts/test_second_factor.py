"""A second factor: asked for at each way in, kept encrypted, good once, and its owner's."""

import datetime as dt
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings as project
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from accounts import one_time_codes, services
from accounts.encryption import decrypt
from accounts.models import Action, AuditEntry, Role, User
from tests.accounts.people import (
    PASSWORD,
    SECRET,
    a_factor,
    app_shows,
    code_in,
    last_mail,
    make_person,
    sign_in_with_factor,
)

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 12, 1, 12, 0, 10, tzinfo=dt.UTC)
HALF_MINUTE = dt.timedelta(seconds=30)
SIGN_IN = reverse("account_login")
AT_SIGN_IN = reverse("mfa_authenticate")
AGAIN = reverse("mfa_reauthenticate")
SET_UP = reverse("mfa_activate_totp")
TURN_OFF = reverse("mfa_deactivate_totp")
CODES = reverse("mfa_view_recovery_codes")
NEW_CODES = reverse("mfa_generate_recovery_codes")
DOWNLOAD = reverse("mfa_download_recovery_codes")
PROFILE = reverse("accounts:profile")
MONEY = reverse("billing:money")
WRONG = "This code does not work, or not any more"


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def with_password(client: Client) -> str:
    typed = {"login": "sam@example.org", "password": PASSWORD}
    return str(client.post(SIGN_IN, typed)["Location"])


def with_mailed_code(client: Client) -> str:
    client.post(reverse("account_request_login_code"), {"email": "sam@example.org"})
    confirm = reverse("account_confirm_login_code")
    return str(client.post(confirm, {"code": code_in(last_mail())})["Location"])


def is_in(client: Client) -> bool:
    return client.get(PROFILE).status_code == 200


def recovery_codes(person: User) -> list[str]:
    kept = Authenticator.objects.get(user=person, type=Authenticator.Type.RECOVERY_CODES)
    return list(kept.wrap().get_unused_codes())


# --- Signing in -------------------------------------------------------------------------


@pytest.mark.parametrize("way_in", [with_password, with_mailed_code])
@pytest.mark.parametrize("role", list(Role))
def test_whoever_has_a_second_factor_is_asked_for_it_at_each_way_in(
    client: Client, clock: time_machine.Traveller, way_in: Any, role: Role
) -> None:
    a_factor(make_person(role=role))
    assert way_in(client) == AT_SIGN_IN
    assert not is_in(client)
    assert "open the app on your phone" in client.get(AT_SIGN_IN).text
    assert WRONG in client.post(AT_SIGN_IN, {"code": "000000"}).text
    assert not is_in(client)
    client.post(AT_SIGN_IN, {"code": app_shows()})
    assert is_in(client)


@pytest.mark.parametrize("way_in", [with_password, with_mailed_code])
def test_whoever_has_none_is_not_asked(client: Client, way_in: Any) -> None:
    make_person()
    way_in(client)
    assert is_in(client)


def test_a_recovery_code_opens_once_in_place_of_the_app(
    client: Client, clock: time_machine.Traveller
) -> None:
    person = make_person()
    a_factor(person)
    code = recovery_codes(person)[0]
    with_password(client)
    client.post(AT_SIGN_IN, {"code": code})
    assert is_in(client)
    again = Client()
    with_password(again)
    assert WRONG in again.post(AT_SIGN_IN, {"code": code}).text
    assert not is_in(again)


def test_signing_in_leads_to_the_desk_of_each_role(
    client: Client, clock: time_machine.Traveller
) -> None:
    a_factor(make_person(role=Role.BILLING))
    with_password(client)
    assert client.post(AT_SIGN_IN, {"code": app_shows()})["Location"] == MONEY


def test_a_new_password_or_another_address_does_not_go_around_it(
    client: Client, clock: time_machine.Traveller
) -> None:
    person = make_person()
    a_factor(person)
    person.set_password("another-horse-battery")
    person.email = "new@example.org"
    person.save()
    # By an admin; its first code confirms it.
    services.replace_address(user=person, actor=person, now=timezone.now())
    client.post(reverse("account_request_login_code"), {"email": "new@example.org"})
    confirm = reverse("account_confirm_login_code")
    answer = client.post(confirm, {"code": code_in(last_mail())})
    assert answer["Location"] == AT_SIGN_IN
    assert not is_in(client)


# --- Codes ------------------------------------------------------------------------------


def test_a_code_opens_one_session_and_no_other(clock: time_machine.Traveller) -> None:
    a_factor(make_person())
    first, second = Client(), Client()
    with_password(first)
    with_password(second)
    code = app_shows()
    first.post(AT_SIGN_IN, {"code": code})
    assert is_in(first)
    for later in (0, 25, 10):  # also when the cache has forgotten it and it is still in time
        clock.shift(dt.timedelta(seconds=later))
        cache.clear()
        assert WRONG in second.post(AT_SIGN_IN, {"code": code}).text
    assert not is_in(second)
    second.post(AT_SIGN_IN, {"code": app_shows()})
    assert is_in(second)


def test_a_code_that_is_older_than_one_that_was_used_opens_nothing(
    client: Client, clock: time_machine.Traveller
) -> None:
    factor = a_factor(make_person())
    older = app_shows()
    clock.shift(HALF_MINUTE)
    assert one_time_codes.use(factor=factor, code=app_shows())
    with_password(client)
    assert WRONG in client.post(AT_SIGN_IN, {"code": older}).text


@pytest.mark.parametrize(("seconds", "opens"), [(-60, False), (-30, True), (30, True), (60, False)])
def test_a_phone_may_be_half_a_minute_off(
    clock: time_machine.Traveller, seconds: int, opens: bool
) -> None:
    factor = a_factor(make_person())
    code = app_shows()
    clock.shift(dt.timedelta(seconds=seconds))
    assert one_time_codes.use(factor=factor, code=code) is opens


@pytest.mark.parametrize(
    "code", ["", " ", "12345", "1234567", "abcdef", "\x00", "\u0661\u0662", "9" * 5000]
)
def test_nonsense_is_refused_kindly(
    client: Client, clock: time_machine.Traveller, code: str
) -> None:
    a_factor(make_person())
    with_password(client)
    page = client.post(AT_SIGN_IN, {"code": code})
    assert page.status_code == 200
    assert page.context["form"].errors["code"]
    assert not is_in(client)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_of_two_sessions_that_type_a_code_at_once_one_comes_in(kind: str) -> None:
    person = make_person()
    factor = a_factor(person)
    code = app_shows()
    if kind == "recovery":
        factor = Authenticator.objects.get(user=person, type=Authenticator.Type.RECOVERY_CODES)
        code = recovery_codes(person)[0]

    start = Barrier(8)

    def one(_: int) -> bool:
        try:
            mine = Authenticator.objects.get(pk=factor.pk)
            start.wait()
            return one_time_codes.use(factor=mine, code=code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1


def test_tries_are_limited_per_person_wherever_they_come_from(
    clock: time_machine.Traveller,
) -> None:
    a_factor(make_person())
    for number in range(5):
        somewhere = Client(REMOTE_ADDR=f"198.51.100.{number}")
        with_password(somewhere)
        assert WRONG in somewhere.post(AT_SIGN_IN, {"code": "000000"}).text
    somewhere = Client(REMOTE_ADDR="198.51.100.99")
    with_password(somewhere)
    page = somewhere.post(AT_SIGN_IN, {"code": app_shows()})
    assert "Too many tries. Wait five minutes" in page.text
    assert not is_in(somewhere)
    clock.shift(dt.timedelta(minutes=5, seconds=1))
    cache.clear()  # its own clock does not move
    with_password(somewhere)
    somewhere.post(AT_SIGN_IN, {"code": app_shows()})
    assert is_in(somewhere)


# --- At rest ----------------------------------------------------------------------------


def test_neither_the_key_nor_a_recovery_seed_can_be_read_in_the_table(settings: Settings) -> None:
    person = make_person()
    a_factor(person)
    for factor in Authenticator.objects.filter(user=person):
        kept = factor.data.get("secret") or factor.data["seed"]
        assert kept.startswith("gAAAA")
        assert SECRET not in str(factor.data)
    assert decrypt(Authenticator.objects.get(type="totp").data["secret"]) == SECRET


def test_a_key_that_cannot_be_read_any_more_is_refused_kindly(
    client: Client, clock: time_machine.Traveller, settings: Settings
) -> None:
    a_factor(make_person())
    settings.INTAKE_KEYS = [Fernet.generate_key().decode()]
    with_password(client)
    assert WRONG in client.post(AT_SIGN_IN, {"code": app_shows()}).text


# --- Setting it up ----------------------------------------------------------------------


def key_on(page: Any) -> str:
    found = re.search(r'<p class="key"><code>([A-Z2-7 ]+)</code>', page.text)
    assert found
    return found[1].replace(" ", "")


@pytest.mark.django_db(transaction=True)  # the mail goes out when it is committed
def test_setting_up_shows_a_picture_and_a_key_and_then_the_recovery_codes(
    client: Client, clock: time_machine.Traveller
) -> None:
    person = make_person()
    with_password(client)
    page = client.get(SET_UP)
    assert page["Cache-Control"].count("no-store")
    assert 'src="data:image/svg+xml;base64,' in page.text
    assert project.PRACTICE_NAME in page.context["totp_url"]
    secret = key_on(page)
    page = client.post(SET_UP, {"code": "000000"})
    assert WRONG in page.text
    assert key_on(page) == secret  # the app has it already
    code = app_shows(secret)
    page = client.post(SET_UP, {"code": code}, follow=True)
    assert page.redirect_chain[-1][0] == CODES
    assert all(code in page.text for code in recovery_codes(person))
    assert last_mail().subject == "A change to how you sign in"
    assert secret not in str(client.session.items())
    elsewhere = Client()
    with_password(elsewhere)
    assert WRONG in elsewhere.post(AT_SIGN_IN, {"code": code}).text  # it was used to set up


def test_setting_up_twice_changes_nothing(client: Client, clock: time_machine.Traveller) -> None:
    make_person()
    with_password(client)
    code = app_shows(key_on(client.get(SET_UP)))
    for _ in range(2):
        assert client.post(SET_UP, {"code": code}).status_code == 302
    assert Authenticator.objects.filter(type="totp").count() == 1
    assert client.get(SET_UP)["Location"] == reverse("mfa_index")


def test_an_open_session_alone_sets_nothing_up(client: Client) -> None:
    client.force_login(make_person())
    for path in (SET_UP, NEW_CODES):
        for response in (client.get(path), client.post(path, {"code": "000000"})):
            assert response["Location"].startswith(reverse("account_reauthenticate"))
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("path", [TURN_OFF, CODES, NEW_CODES, DOWNLOAD])
def test_what_is_set_up_is_seen_and_changed_with_the_factor_only(
    client: Client, clock: time_machine.Traveller, path: str
) -> None:
    """A password of just now, or a mailed code, is what the factor protects from."""
    person = make_person()
    factor = a_factor(person)
    client.force_login(person)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD, "next": PROFILE})
    assert client.get(reverse("account_email")).status_code == 200  # that is proof enough there
    assert client.get(path)["Location"] == f"{AGAIN}?next={quote(path, safe='')}"
    assert client.post(path)["Location"] == f"{AGAIN}?next={quote(path, safe='')}"
    assert Authenticator.objects.get(type="totp") == factor
    answer = client.post(AGAIN, {"code": app_shows(), "next": path})
    assert answer["Location"] == path
    assert client.get(path).status_code == 200
    clock.shift(dt.timedelta(minutes=15))
    assert client.get(path)["Location"].startswith(AGAIN)


def test_turning_it_off_ends_the_recovery_codes_too_and_is_mailed(
    client: Client, clock: time_machine.Traveller
) -> None:
    sign_in_with_factor(client, make_person(role=Role.BILLING))
    assert "closed to you from then on" in client.get(TURN_OFF).text
    client.post(TURN_OFF)
    assert not Authenticator.objects.exists()
    assert last_mail().subject == "A change to how you sign in"
    assert client.get(MONEY)["Location"] == SET_UP


def test_new_recovery_codes_end_the_earlier_ones(
    client: Client, clock: time_machine.Traveller
) -> None:
    person = make_person()
    sign_in_with_factor(client, person)
    before = recovery_codes(person)
    page = client.post(NEW_CODES, follow=True)
    after = recovery_codes(person)
    assert set(before).isdisjoint(after)
    assert [code in page.text for code in (before[0], after[0])] == [False, True]
    downloaded = client.get(DOWNLOAD)
    assert "attachment" in downloaded["Content-Disposition"]
    assert all(code in downloaded.text for code in after)


def test_the_profile_leads_to_it(client: Client) -> None:
    client.force_login(make_person())
    assert reverse("mfa_index") in client.get(PROFILE).text
    assert "Set it up" in client.get(reverse("mfa_index")).text
    assert not mail.outbox


# --- The staff pages --------------------------------------------------------------------

ADMIN = reverse("admin:index")


def test_the_staff_pages_open_for_admins_with_their_factor_only(
    client: Client, clock: time_machine.Traveller
) -> None:
    admin = make_person(role=Role.ADMIN)
    with_password(client)
    page = client.get(ADMIN, follow=True)
    assert [url for url, _ in page.redirect_chain] == [f"/admin/login/?next={ADMIN}", SET_UP]
    assert "Your page opens with a second step" in page.text
    page = client.post(SET_UP, {"code": app_shows(key_on(page))}, follow=True)
    assert f'href="{ADMIN}"' in page.text
    assert "I have kept them, go on" in page.text
    assert client.get(ADMIN).status_code == 200
    # The same person in another browser, where nobody typed a code.
    other = Client()
    other.force_login(admin)
    page = other.get(ADMIN, follow=True)
    assert page.redirect_chain[-1][0] == f"{AGAIN}?next={quote(ADMIN, safe='')}"


def test_a_press_in_the_staff_pages_without_the_factor_changes_nothing(client: Client) -> None:
    admin = make_person(role=Role.ADMIN)
    a_factor(admin)
    client.force_login(admin)
    client.post(reverse("admin:accounts_user_add"), {"email": "x@example.org"})
    assert User.objects.count() == 1


# --- Somebody lost everything -----------------------------------------------------------


def take_away(client: Client, *people: User) -> None:
    client.post(
        reverse("admin:accounts_user_changelist"),
        {"action": "take_factor_away", "_selected_action": [person.pk for person in people]},
    )


def test_an_admin_takes_a_lost_factor_away_which_is_written_down_and_mailed(
    client: Client, clock: time_machine.Traveller
) -> None:
    admin = make_person("boss@example.org", role=Role.ADMIN)
    sam = make_person(role=Role.BILLING)
    a_factor(sam)
    none = make_person("none@example.org")
    sign_in_with_factor(client, admin)
    take_away(client, sam, none)
    assert not Authenticator.objects.filter(user=sam).exists()
    [entry] = AuditEntry.objects.all()
    assert (entry.actor, entry.action, entry.subject_id) == (
        admin,
        Action.FACTOR_TAKEN,
        str(sam.pk),
    )
    assert [(one.to, one.subject) for one in mail.outbox] == [
        (["sam@example.org"], "A change to how you sign in")
    ]
    theirs = Client()
    with_password(theirs)
    assert theirs.get(MONEY)["Location"] == SET_UP


def test_that_it_was_taken_away_is_told_where_its_owner_reads(
    client: Client, clock: time_machine.Traveller
) -> None:
    """Not at an address that somebody typed and nobody has confirmed."""
    sam = make_person()
    a_factor(sam)
    EmailAddress.objects.create(user=sam, email="typed@example.org", verified=False)
    sign_in_with_factor(client, make_person("boss@example.org", role=Role.ADMIN))
    take_away(client, sam)
    assert [one.to for one in mail.outbox] == [["sam@example.org"]]


def test_it_is_taken_away_with_a_fresh_code_only(
    client: Client, clock: time_machine.Traveller
) -> None:
    sam = make_person()
    a_factor(sam)
    sign_in_with_factor(client, make_person("boss@example.org", role=Role.ADMIN))
    clock.shift(dt.timedelta(minutes=15))
    take_away(client, sam)
    assert Authenticator.objects.filter(user=sam).exists()
    assert not AuditEntry.objects.exists()


def test_no_admin_sees_or_sets_anybodys_key(client: Client) -> None:
    admin = make_person(role=Role.ADMIN)
    sign_in_with_factor(client, admin)
    page = client.get(reverse("admin:accounts_user_change", args=[admin.pk]))
    kept = Authenticator.objects.get(user=admin, type="totp").data["secret"]
    assert page.status_code == 200
    assert "Second factor" in page.text
    assert kept not in page.text
    assert client.get("/admin/mfa/authenticator/").status_code == 404
