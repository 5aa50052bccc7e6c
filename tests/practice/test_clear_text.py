"""No row of the practice, and nothing else that outlives a page, holds a clear word of a member.

A new table needs a row with the canary in it: without one a test here fails.
"""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from enrollment.models import Enrollment
from practice.models import (
    DiaryEntry,
    Goal,
    GoalRating,
    Part,
    Profile,
    Proposal,
    Share,
    SharedWithLeader,
    WeekPlan,
)
from tests.enrollment.builders import a_member
from tests.practice.builders import IN_WEEK_2, a_practising_member

pytestmark = pytest.mark.django_db

# Words and a number that stand nowhere else.
CANARY = "Quokka swims upstream"
NUMBER = 731_946
CONTENT = {"text": CANARY, "list": [CANARY, NUMBER], CANARY: "as a key", "number": NUMBER}
TODAY = dt.date(2026, 10, 14)
KEPT: dict[str, Any] = {"content": CONTENT, "saved_at": IN_WEEK_2}


def a_share(seat: Enrollment) -> Share:
    return Share.objects.create(
        enrollment=seat,
        practitioner=a_member(),
        role="ot",
        parts=[Part.PLAN],
        content=CONTENT,
        terms_version=1,
        signed_at=IN_WEEK_2,
        ends_at=IN_WEEK_2 + dt.timedelta(days=30),
    )


def a_goal(seat: Enrollment) -> Goal:
    return Goal.objects.create(enrollment=seat, slot=1, made_at=IN_WEEK_2, **KEPT)


# One row of each table, with the canary wherever a member or a practitioner writes.
ROWS: dict[type[Model], Callable[[Enrollment], object]] = {
    Profile: lambda seat: Profile.objects.create(member=seat.member, **KEPT),
    WeekPlan: lambda seat: WeekPlan.objects.create(enrollment=seat, week=2, **KEPT),
    DiaryEntry: lambda seat: DiaryEntry.objects.create(
        enrollment=seat, day=TODAY, replaced=CONTENT, replaced_at=IN_WEEK_2, **KEPT
    ),
    Goal: a_goal,
    GoalRating: lambda seat: GoalRating.objects.create(
        goal=a_goal(seat), week=4, content=CONTENT, rated_by=seat.member, rated_at=IN_WEEK_2
    ),
    Share: a_share,
    Proposal: lambda seat: Proposal.objects.create(
        share=a_share(seat), week=2, kind="comment", content=CONTENT, made_at=IN_WEEK_2
    ),
    SharedWithLeader: lambda seat: SharedWithLeader.objects.create(
        enrollment=seat, parts=[], saved_at=IN_WEEK_2
    ),
}
TABLES = list(apps.get_app_config("practice").get_models())


def rows_of(table: str) -> str:
    """All rows as a backup would write them."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM {connection.ops.quote_name(table)} t")  # noqa: S608
        return "\n".join(row for (row,) in cursor.fetchall())


def clear(text: str) -> list[str]:
    return [word for word in (*CANARY.split(), str(NUMBER)) if word.lower() in text.lower()]


def test_every_table_has_a_row_here() -> None:
    assert set(TABLES) == ROWS.keys()


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_no_row_holds_a_clear_word(model: type[Model]) -> None:
    ROWS[model](a_practising_member())
    found = rows_of(model._meta.db_table)
    assert found
    assert clear(found) == []


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_no_dump_holds_a_clear_word(model: type[Model]) -> None:
    ROWS[model](a_practising_member())
    dump = io.StringIO()
    call_command("dumpdata", model._meta.label, stdout=dump)
    assert '"pk"' in dump.getvalue()
    assert clear(dump.getvalue()) == []


def test_control_a_clear_word_would_be_found() -> None:
    seat = a_practising_member()
    seat.member.display_name = CANARY
    seat.member.save()
    assert clear(rows_of("accounts_user")) == CANARY.split()


def everything() -> str:
    """Every row of every table of the application, and what the sessions hold."""
    tables = connection.introspection.table_names()
    sessions = [str(session.get_decoded()) for session in Session.objects.all()]
    return "\n".join([*(rows_of(table) for table in tables), *sessions])


def test_writing_a_diary_leaves_no_clear_word_anywhere(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    seat = a_practising_member()
    client.force_login(seat.member)
    with time_machine.travel(IN_WEEK_2, tick=False):
        path = reverse("practice:diary_day", args=[seat.public_id, TODAY])
        sent: dict[str, Any] = {"activity": CANARY, "note": f"{CANARY} {NUMBER}"}
        for note in (CANARY, f"{CANARY} {NUMBER}", CANARY * 200):  # saved, replaced, refused
            for headers in ({}, {"HX-Request": "true"}):
                answer = client.post(path, {**sent, "note": note}, headers=headers)
                assert clear(str(answer.headers)) == []
        assert DiaryEntry.objects.get().replaced is not None
        client.post(path, {"bring_back": "1", "revision": "stale"})
    assert clear(everything()) == []
    assert clear(str(client.cookies)) == []
    assert clear(caplog.text) == []
