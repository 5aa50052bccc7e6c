"""Promising a mail: once for each kind, subject and occasion."""

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F, Value
from django.db.utils import ConnectionHandler
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from outbox import promises, services
from outbox.models import Message, State
from tests.outbox.conftest import NOW, member, owe

pytestmark = pytest.mark.django_db


def test_a_promise_is_made_once() -> None:
    ada = member()

    answers = [
        services.promise(kind="note", recipient_id=ada.pk, subject_id=7, now=NOW) for _ in range(3)
    ]

    assert answers == [True, False, False]
    message = Message.objects.get()
    assert (message.kind, message.recipient, message.subject_id) == ("note", ada, 7)
    assert (message.state, message.attempts, message.next_try_at) == (State.QUEUED, 0, NOW)


def test_another_occasion_is_another_promise() -> None:
    ada = member()

    for occasion in (1, 2, 2):
        services.promise(
            kind="note", recipient_id=ada.pk, subject_id=7, occasion_id=occasion, now=NOW
        )

    assert sorted(Message.objects.values_list("occasion_id", flat=True)) == [1, 2]


def test_a_promise_takes_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ada = member()

    with django_assert_num_queries(1):
        services.promise(kind="note", recipient_id=ada.pk, subject_id=7, now=NOW)


def test_a_promise_goes_with_the_callers_transaction() -> None:
    ada = member()

    with transaction.atomic():
        services.promise(kind="note", recipient_id=ada.pk, subject_id=7, now=NOW)
        transaction.set_rollback(True)

    assert not Message.objects.exists()


def test_promises_for_many_take_one_statement_and_pass_over_those_that_exist(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    people = [member(name) for name in ("Ada", "Ben", "Cleo")]
    owe(people[1], people[1].pk)
    rows = User.objects.filter(display_name__in=["Ada", "Ben", "Cleo"]).values_list(
        "pk", F("pk"), Value(0)
    )

    with django_assert_num_queries(1):
        new = services.promise_each(kind="note", rows=rows, now=NOW)

    assert new == 2
    assert services.promise_each(kind="note", rows=rows, now=NOW) == 0
    expected = sorted((person.pk, person.pk, 0) for person in people)
    found = Message.objects.values_list("recipient_id", "subject_id", "occasion_id")
    assert sorted(found) == expected
    assert set(Message.objects.values_list("state", "next_try_at")) == {(State.QUEUED, NOW)}


def test_rows_that_repeat_each_other_are_one_promise() -> None:
    for name in ("Ada", "Ben"):
        member(name)
    rows = User.objects.values_list("pk", Value(7), Value(1))

    assert services.promise_each(kind="note", rows=rows, now=NOW) == 1


def test_nobody_to_write_to_is_no_promise(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = User.objects.none().values_list("pk", "pk", Value(0))

    with django_assert_num_queries(0):
        assert services.promise_each(kind="note", rows=rows, now=NOW) == 0


def test_the_same_statements_work_on_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite = ConnectionHandler(
        {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    )["default"]
    with sqlite.schema_editor() as schema:
        schema.create_model(User)
        schema.create_model(Message)
    with sqlite.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_user (id, email, password, display_name, time_zone, role,"
            " may_plan, is_active, date_joined)"
            " VALUES (1, 'a@b.c', '', '', 'UTC', 'member', 0, 1, '2026-01-01')"
        )
    monkeypatch.setattr(promises, "connection", sqlite)
    rows = User.objects.filter(email="a@b.c").values_list("pk", F("pk"), Value(5))

    try:
        single = [
            services.promise(kind="note", recipient_id=1, subject_id=1, now=NOW) for _ in range(2)
        ]
        each = [services.promise_each(kind="note", rows=rows, now=NOW) for _ in range(2)]
        with sqlite.cursor() as cursor:
            cursor.execute(
                "SELECT recipient_id, subject_id, occasion_id, state, next_try_at"
                " FROM outbox_message ORDER BY id"
            )
            stored = cursor.fetchall()
    finally:
        sqlite.close()

    assert single == [True, False]
    assert each == [1, 0]
    due = NOW.replace(tzinfo=None)
    assert stored == [(1, 1, 0, "queued", due), (1, 1, 5, "queued", due)]


def test_the_database_refuses_a_state_that_contradicts_itself() -> None:
    message = owe(member(), 7)
    contradictions: list[dict[str, object]] = [
        {"state": "lost"},
        {"state": State.SENDING},
        {"state": State.SENT},
        {"sent_at": NOW},
        {"lease_until": NOW},
    ]

    for fields in contradictions:
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.filter(pk=message.pk).update(**fields)
