"""The audit log: it is only added to, it never forks, and what was done to it shows."""

import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts import audit
from accounts.models import Action, AuditEntry, Role, Subject, Unchangeable, User
from tests.accounts.people import make_person, sign_in_with_factor
from tests.enrollment.crowd import PATIENCE, at_once

NOW = dt.datetime(2026, 9, 29, 15, 0, 0, 123_456, tzinfo=dt.UTC)


def an_entry(actor: User, subject: object = 7, **fields: Any) -> AuditEntry:
    return audit.record(
        **{
            "actor": actor,
            "action": Action.INTAKE_READ,
            "subject_kind": Subject.USER,
            "subject_id": subject,
            "now": NOW,
            "ip": "203.0.113.7",
            **fields,
        }
    )


def checked(**options: Any) -> str:
    out = StringIO()
    call_command("check_audit_log", stdout=out, **options)
    return out.getvalue()


def by_hand(statement: str, *values: int) -> None:
    """What somebody with a password of the database's owner can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no triggers
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.fixture
def leader() -> User:
    return make_person("dana@example.org", role=Role.FACILITATOR)


@pytest.fixture
def entries(leader: User) -> list[AuditEntry]:
    return [an_entry(leader, number) for number in range(5)]


# --- The chain --------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_entry_follows_the_one_before(entries: list[AuditEntry]) -> None:
    assert [one.previous for one in entries] == ["", *(one.hash for one in entries[:-1])]
    assert checked() == f"5 entries, unbroken.\nNewest: {entries[-1].hash}\n"


@pytest.mark.django_db
def test_an_empty_log_is_unbroken() -> None:
    assert checked() == "0 entries, unbroken.\n"


@pytest.mark.django_db
def test_what_was_written_is_read_back_as_it_was(leader: User) -> None:
    for ip in ("203.0.113.7", "2001:DB8:0::1", "::ffff:203.0.113.7", None):
        an_entry(leader, ip=ip)
    an_entry(leader, now=NOW.astimezone(dt.timezone(dt.timedelta(hours=-7))))
    assert checked().startswith("5 entries, unbroken.")


CHANGES = {
    "at": "UPDATE accounts_auditentry SET at = at + interval '1 second' WHERE id = %s",
    "action": "UPDATE accounts_auditentry SET action = 'role.member' WHERE id = %s",
    "subject": "UPDATE accounts_auditentry SET subject_id = '8' WHERE id = %s",
    "kind": "UPDATE accounts_auditentry SET subject_kind = 'other' WHERE id = %s",
    "address": "UPDATE accounts_auditentry SET ip = '198.51.100.1' WHERE id = %s",
    "hash": "UPDATE accounts_auditentry SET hash = repeat('a', 64) WHERE id = %s",
    "actor": "UPDATE accounts_auditentry SET actor_id = "
    "(SELECT id FROM accounts_user WHERE email = 'other@example.org') WHERE id = %s",
}


@pytest.mark.django_db
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_entry_shows(change: str, place: int, entries: list[AuditEntry]) -> None:
    make_person("other@example.org")
    by_hand(change, entries[place].pk)
    with pytest.raises(CommandError, match=f"^Entry number {entries[place].pk} was changed"):
        checked()


@pytest.mark.django_db
@pytest.mark.parametrize("place", [0, 2])
def test_a_removed_entry_shows(place: int, entries: list[AuditEntry]) -> None:
    by_hand("DELETE FROM accounts_auditentry WHERE id = %s", entries[place].pk)
    following = entries[place + 1].pk
    with pytest.raises(CommandError, match=f"^An entry before number {following} is missing"):
        checked()


@pytest.mark.django_db
def test_an_entry_put_in_between_shows(entries: list[AuditEntry]) -> None:
    by_hand("UPDATE accounts_auditentry SET id = id + 1000 WHERE id > %s", entries[2].pk)
    forged = AuditEntry(
        pk=entries[2].pk + 1, actor=entries[0].actor, at=NOW, previous="b" * 64, hash="c" * 64
    )
    forged.save(force_insert=True)
    with pytest.raises(CommandError, match=f"^An entry before number {forged.pk} is missing"):
        checked()


@pytest.mark.django_db
def test_a_tail_that_was_cut_off_shows_by_the_hash_that_was_kept(
    entries: list[AuditEntry],
) -> None:
    kept = entries[-1].hash
    assert checked(kept=kept).startswith("5 entries, unbroken.")
    by_hand("DELETE FROM accounts_auditentry WHERE id = %s", entries[-1].pk)
    assert checked().startswith("4 entries, unbroken.")  # so far the chain itself reaches
    with pytest.raises(CommandError, match=r"^The entry whose hash you kept is missing"):
        checked(kept=kept)


@pytest.mark.django_db
def test_the_check_ends_with_1_when_something_is_wrong() -> None:
    assert CommandError("").returncode == 1


@pytest.mark.django_db
def test_the_check_takes_one_query_however_long_the_log_is(
    leader: User, django_assert_num_queries: Any
) -> None:
    for number in (1, 30):
        for _ in range(number):
            an_entry(leader)
        with django_assert_num_queries(1):
            audit.check()


# --- Keys -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_new_key_goes_on_where_the_old_one_ended(leader: User, settings: Settings) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old" * 20, []
    an_entry(leader)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    an_entry(leader)
    assert checked().startswith("2 entries, unbroken.")
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(CommandError, match="a key that is not known"):
        checked()


@pytest.mark.django_db
def test_a_key_that_was_given_up_writes_nothing_any_more(leader: User, settings: Settings) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    an_entry(leader)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "old" * 20, []
    forged = an_entry(leader)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, ["old" * 20]
    with pytest.raises(CommandError, match=f"^Entry number {forged.pk} was changed"):
        checked()


@pytest.mark.django_db
def test_without_the_key_the_chain_cannot_be_written_anew(
    entries: list[AuditEntry], settings: Settings
) -> None:
    """Somebody who writes to the database and knows how hashes are made, but not the key."""
    key, settings.SECRET_KEY = settings.SECRET_KEY, "a guess" * 10
    by_hand("DELETE FROM accounts_auditentry")
    for number in range(5):
        an_entry(entries[0].actor, number + 10)
    assert checked().startswith("5 entries, unbroken.")
    settings.SECRET_KEY = key
    with pytest.raises(CommandError, match=r"^Entry number .* was changed"):
        checked()


# --- Only added to ----------------------------------------------------------------------


@pytest.mark.django_db
def test_the_model_refuses_changes(entries: list[AuditEntry]) -> None:
    entry = AuditEntry.objects.get(pk=entries[0].pk)
    attempts: list[Callable[[], object]] = [
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(ip=""),
    ]
    for attempt in attempts:
        with pytest.raises(Unchangeable):
            attempt()
    assert checked().startswith("5 entries, unbroken.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_auditentry SET ip = ''", "DELETE FROM accounts_auditentry"]
)
def test_the_database_refuses_changes(statement: str, entries: list[AuditEntry]) -> None:
    with (
        pytest.raises(IntegrityError, match="only added to"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert checked().startswith("5 entries, unbroken.")


@pytest.mark.django_db
def test_whoever_stands_in_the_log_cannot_be_deleted(entries: list[AuditEntry]) -> None:
    with pytest.raises(IntegrityError):
        entries[0].actor.delete()


ON_SQLITE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.db import IntegrityError, connection, transaction
from tests.accounts.people import make_person
from tests.accounts.test_audit import an_entry
assert connection.vendor == "sqlite"
leader = make_person()
for number in range(3):
    an_entry(leader, number)
for statement in ("UPDATE accounts_auditentry SET ip = ''", "DELETE FROM accounts_auditentry"):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except IntegrityError as error:
        print(error)
call_command("check_audit_log")
call_command("migrate", "accounts", "0001", verbosity=0)
"""


def test_sqlite_keeps_it_too(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ON_SQLITE],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "grouport.settings",
            "GROUPORT_MODE": "development",
            "DATABASE_URL": f"sqlite:///{tmp_path / 'grouport.sqlite3'}",
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    refused, again, unbroken, _ = done.stdout.splitlines()
    assert refused == again == "the audit log is only added to"
    assert unbroken == "3 entries, unbroken."


# --- Two at once ------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_many_writers_at_once_make_one_chain() -> None:
    leaders = [make_person(f"leader{number}@example.org") for number in range(8)]

    results = at_once([partial(an_entry, leader) for leader in leaders for _ in range(3)])

    assert [one for one in results if isinstance(one, Exception)] == []
    assert checked().startswith("24 entries, unbroken.")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_control_without_taking_turns_the_database_refuses_the_fork(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both have read which entry is the newest before either writes."""
    read, seal = threading.Barrier(2), audit._seal

    def when_both_have_read(entry: AuditEntry, key: str) -> str:
        read.wait(timeout=PATIENCE)
        return seal(entry, key)

    leaders = [make_person(f"leader{number}@example.org") for number in range(2)]
    an_entry(leaders[0])
    with monkeypatch.context() as without:
        without.setattr(audit, "take_turn", lambda _: None)
        without.setattr(audit, "_seal", when_both_have_read)
        results = at_once([partial(an_entry, leader) for leader in leaders])

    assert sorted(type(one).__name__ for one in results) == ["AuditEntry", "IntegrityError"]
    assert checked().startswith("2 entries, unbroken.")


@pytest.mark.django_db
def test_an_entry_goes_with_the_transaction_that_it_is_about(leader: User) -> None:
    with transaction.atomic():
        an_entry(leader)
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()


# --- In the admin -----------------------------------------------------------------------


@pytest.fixture
def boss(client: Client) -> User:
    person = make_person("boss@example.org", role=Role.ADMIN)
    sign_in_with_factor(client, person)
    return person


@pytest.mark.django_db
def test_admins_read_the_log_and_narrow_it(
    client: Client, boss: User, entries: list[AuditEntry]
) -> None:
    an_entry(boss, 99, action=Action.ROLE_ADMIN)
    page = reverse("admin:accounts_auditentry_changelist")

    def listed(query: str = "") -> int:
        return int(client.get(page + query).context["cl"].result_count)

    assert "Looked at a member&#x27;s answers" in client.get(page).content.decode()
    assert (listed(), listed("?action__exact=role.admin")) == (6, 1)
    assert listed(f"?actor__id__exact={boss.pk}") == 1
    entry = client.get(reverse("admin:accounts_auditentry_change", args=[entries[0].pk]))
    assert entry.status_code == 200
    assert "_save" not in entry.content.decode()


@pytest.mark.django_db
def test_the_list_of_a_long_log_asks_for_nothing_that_no_index_answers(
    client: Client, boss: User, entries: list[AuditEntry]
) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(reverse("admin:accounts_auditentry_changelist"))
    words = " ".join(query["sql"] for query in captured)
    assert "accounts_auditentry" in words
    assert "MIN(" not in words
    assert 'ORDER BY "accounts_auditentry"."at"' not in words


@pytest.mark.django_db
@pytest.mark.parametrize("way", ["add", "change", "delete"])
def test_nobody_writes_to_it_in_the_admin(
    way: str, client: Client, boss: User, entries: list[AuditEntry]
) -> None:
    args = [] if way == "add" else [entries[0].pk]
    response = client.post(reverse(f"admin:accounts_auditentry_{way}", args=args), {"post": "yes"})
    assert response.status_code == 403
    assert (
        "delete_selected"
        not in client.get(reverse("admin:accounts_auditentry_changelist")).content.decode()
    )
    assert admin.site.is_registered(AuditEntry)
    assert AuditEntry.objects.count() == 5


def rights(person: User, **changes: Any) -> dict[str, Any]:
    return {
        "email": person.email,
        "display_name": person.display_name,
        "time_zone": person.time_zone,
        "role": person.role,
        "is_active": "on",
        **changes,
    }


@pytest.mark.django_db
def test_a_change_of_somebodys_rights_is_written_down(client: Client, boss: User) -> None:
    person = make_person()
    page = reverse("admin:accounts_user_change", args=[person.pk])
    for changes in (
        {"role": "facilitator", "may_plan": "on"},
        {"role": "facilitator", "may_plan": "on", "display_name": "Dana"},
        {"role": "facilitator"},
        {"role": "billing"},
        {"role": "admin"},
        {"role": "member"},
    ):
        assert client.post(page, rights(person, **changes)).status_code == 302
    log = AuditEntry.objects.order_by("pk")
    assert list(log.values_list("action", flat=True)) == [
        Action.ROLE_FACILITATOR,
        Action.MAY_PLAN,
        Action.MAY_NOT_PLAN,
        Action.ROLE_BILLING,
        Action.ROLE_ADMIN,
        Action.ROLE_MEMBER,
    ]
    assert set(log.values_list("actor", "subject_kind", "subject_id", "ip")) == {
        (boss.pk, "user", str(person.pk), "127.0.0.1")
    }


@pytest.mark.django_db
def test_a_new_facilitator_is_written_down_and_a_new_member_is_not(
    client: Client, boss: User
) -> None:
    for role in ("facilitator", "member"):
        answers = {
            "email": f"{role}@example.org",
            "role": role,
            "time_zone": "America/Phoenix",
            "usable_password": "false",
        }
        assert client.post(reverse("admin:accounts_user_add"), answers).status_code == 302
    person = User.objects.get(email="facilitator@example.org")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject_id) == (Action.ROLE_FACILITATOR, str(person.pk))


@pytest.mark.django_db
def test_rights_are_not_changed_when_that_cannot_be_written_down(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**kwargs: object) -> None:
        raise IntegrityError("full")

    monkeypatch.setattr(audit, "record", fail)
    person = make_person()
    with pytest.raises(IntegrityError):
        client.post(
            reverse("admin:accounts_user_change", args=[person.pk]), rights(person, role="admin")
        )
    person.refresh_from_db()
    assert person.role == Role.MEMBER


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["member", "billing", "admin"])
def test_only_a_facilitator_is_let_plan(role: str, client: Client, boss: User) -> None:
    person = make_person()
    page = reverse("admin:accounts_user_change", args=[person.pk])
    response = client.post(page, rights(person, role=role, may_plan="on"))
    assert "Only a facilitator plans" in response.content.decode()
    person.refresh_from_db()
    assert (person.role, person.may_plan) == (Role.MEMBER, False)
    assert not AuditEntry.objects.exists()


def test_who_plans() -> None:
    assert User(role=Role.ADMIN).plans is True
    for role, may_plan, plans in (
        (Role.FACILITATOR, True, True),
        (Role.FACILITATOR, False, False),
        (Role.MEMBER, True, False),
        (Role.BILLING, True, False),
    ):
        assert User(role=role, may_plan=may_plan).plans is plans
