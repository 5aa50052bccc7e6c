"""An installation from before there were versions: its texts become the first ones."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import fresh_database

BEFORE = """
import json
import django; django.setup()
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
call_command("migrate", "group_sessions", "0006", verbosity=0)
apps = MigrationExecutor(connection).loader.project_state(
    [("group_sessions", "0006_for_the_money_desk")]
).apps
Programme = apps.get_model("group_sessions", "Programme")
Week = apps.get_model("group_sessions", "CurriculumWeek")
default = Programme.objects.get()
for number in range(1, 13):
    Week.objects.create(programme=default, number=number, module="mindfulness",
                        title=f"Week {number}", skills=["Wise mind"], activities=[])
Week.objects.filter(number=1).update(
    title="Edited by staff",
    activities=["Decide whether to accept an invitation", "Something of our own",
                "Shop for food on a budget"],
)
own = Programme.objects.create(name="Our own", slug="our-own")
Week.objects.create(programme=own, number=1, module="mindfulness", title="Only week",
                    skills=["One"], activities=["Elsewhere"])
Programme.objects.create(name="Empty", slug="empty")
"""
MIDDLE = """
call_command("migrate", "group_sessions", "0009", verbosity=0)
"""
AFTER = """
call_command("migrate", verbosity=0)
from sessions.models import Curriculum
found = {
    one.programme.slug: {
        "version": one.version,
        "published": one.published_at is not None,
        "weeks": [[w.number, w.title, w.skills, w.activities] for w in one.weeks.all()],
    }
    for one in Curriculum.objects.all()
}
refused = []
for change in (
    lambda: Curriculum.objects.update(published_at=None),
    lambda: Curriculum.objects.update(version=5),
    lambda: Curriculum.objects.filter(programme__slug="empty").delete(),
    lambda: one_week.filter(number=1).update(title="x"),
    lambda: one_week.filter(number=1)._raw_delete("default"),
    lambda: one_week.bulk_create([one_week.model(curriculum=first, number=13)]),
):
    first = Curriculum.objects.get(programme__slug="our-own")
    one_week = first.weeks
    try:
        with transaction.atomic():
            change()
    except IntegrityError as error:
        refused.append(str(error).splitlines()[0])
Curriculum.objects.filter(programme__slug="our-own").update(clinician="Ana Diaz, PsyD")
print(json.dumps({"found": found, "refused": refused}))
"""


# --- What a skill is: from 0010 on --------------------------------------------------------

UNEXPLAINED = """
import json
import django; django.setup()
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from sessions.curriculum import DEFAULT_WEEKS, FROM_THE_START
call_command("migrate", "group_sessions", "0010", verbosity=0)
apps = MigrationExecutor(connection).loader.project_state(
    [("group_sessions", "0010_published_stays")]
).apps
Programme = apps.get_model("group_sessions", "Programme")
Curriculum = apps.get_model("group_sessions", "Curriculum")
def version(slug, number, published_at, **changes):
    programme, _ = Programme.objects.get_or_create(slug=slug, defaults={"name": slug})
    made = Curriculum.objects.create(programme=programme, version=number)
    for n in (1, 2, 3):
        week = DEFAULT_WEEKS[n - 1]
        fields = {"module": week.module, "title": week.title, "skills": list(week.skills)}
        made.weeks.create(number=n, activities={}, **{**fields, **changes.get(f"week_{n}", {})})
    ticked = changes.get("ticked")
    Curriculum.objects.filter(pk=made.pk).update(
        published_at=published_at, approved_at=timezone.now() if ticked else None)
version("edited", 1, FROM_THE_START, week_1={"title": "Ours"}, week_2={"skills": ["STOP"]})
version("read", 1, FROM_THE_START, ticked=True)
version("read", 2, timezone.now(), ticked=True)
version("read", 3, None)
version("own", 1, timezone.now())
version("drafted", 1, None, ticked=True)
"""
EXPLAINED = """
call_command("migrate", verbosity=0)
if BACK:
    call_command("migrate", "group_sessions", "0010", verbosity=0)
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("UPDATE group_sessions_curriculumweek SET title = 'x'")
        except IntegrityError as error:
            back = str(error).splitlines()[0]
    call_command("migrate", verbosity=0)
from sessions.models import Curriculum
found = {
    f"{one.programme.slug} {one.version}": [len(w.explained) for w in one.weeks.all()]
    for one in Curriculum.objects.select_related("programme")
}
first = Curriculum.objects.get(programme__slug="dbt-skills-group")
refused = []
for change in (
    lambda: first.weeks.filter(number=1).update(explained={}),
    lambda: first.weeks.filter(number=1)._raw_delete("default"),
    lambda: first.weeks.bulk_create([first.weeks.model(curriculum=first, number=13)]),
):
    try:
        with transaction.atomic():
            change()
    except IntegrityError as error:
        refused.append(str(error).splitlines()[0])
told = {w.number: w.explained for w in first.weeks.all()}
print(json.dumps({
    "found": found, "refused": refused, "back": back if BACK else "",
    "same": told == {n: w.skills for n, w in enumerate(DEFAULT_WEEKS, start=1)},
}))
"""
FRESH = UNEXPLAINED[: UNEXPLAINED.index('call_command("migrate"')]
STAYS = "a published curriculum stays as it is"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'grouport.sqlite3'}"
    else:
        with fresh_database() as url:
            yield url


def migrated(database_url: str, program: str = BEFORE + MIDDLE + AFTER) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "grouport.settings",
            "GROUPORT_MODE": "development",
            "DATABASE_URL": database_url,
        },
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_texts_are_kept_and_their_version_stays(database_url: str) -> None:
    told = migrated(database_url)
    found = told["found"]
    assert {slug: (one["version"], one["published"]) for slug, one in found.items()} == {
        "dbt-skills-group": (1, True),
        "our-own": (1, True),
        "empty": (1, True),
    }
    default = found["dbt-skills-group"]["weeks"]
    assert default[0] == [
        1,
        "Edited by staff",
        ["Wise mind"],
        {
            "people": ["Decide whether to accept an invitation"],
            "home": ["Something of our own", "Shop for food on a budget"],
        },
    ]
    assert [week[1] for week in default[1:]] == [f"Week {number}" for number in range(2, 13)]
    assert found["our-own"]["weeks"] == [[1, "Only week", ["One"], {"home": ["Elsewhere"]}]]
    assert found["empty"]["weeks"] == []
    assert told["refused"] == 6 * ["a published curriculum stays as it is"]


def test_weeks_of_the_default_text_get_its_explanations_and_no_others(database_url: str) -> None:
    told = migrated(database_url, UNEXPLAINED + "BACK = True" + EXPLAINED)
    assert told["same"]
    assert {name: counts[:3] for name, counts in told["found"].items()} == {
        "dbt-skills-group 1": [2, 3, 3],
        # A week whose title or skills somebody has changed stays theirs.
        "edited 1": [0, 0, 3],
        # What a clinician has read gets nothing that they have not read; a draft does.
        "read 1": [0, 0, 0],
        "read 2": [0, 0, 0],
        "read 3": [2, 3, 3],
        "drafted 1": [0, 0, 0],
        "own 1": [0, 0, 0],
    }
    assert told["refused"] == 3 * [STAYS]
    assert told["back"] == STAYS


def test_a_fresh_installation_has_explanations(database_url: str) -> None:
    told = migrated(database_url, FRESH + "BACK = False" + EXPLAINED)
    assert told["same"]
    assert told["refused"] == 3 * [STAYS]
