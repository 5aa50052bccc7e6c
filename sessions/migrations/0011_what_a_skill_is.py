"""Each skill gets an explanation in one plain sentence, also in versions that are published.

This changes nothing of what is taught: the same skills in the same weeks, and a sentence that says
what a name stands for. It is written only where the title and the skills of a week are still those
that every installation begins with, whose explanations these are. A version with a clinician's
tick is left as it is, because the clinician has not read them. A draft without one gets them: it
would take them away again when it is published.
"""

from importlib import import_module

from django.db import migrations, models
from django.db.models import Q

import sessions.models
from sessions.curriculum import DEFAULT_WEEKS, FROM_THE_START

STAYS = "group_sessions_published_weeks_stay"


def triggers(schema_editor):
    """By name, what makes the triggers that keep the weeks of a published version."""
    before = import_module("sessions.migrations.0010_published_stays")
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    statements = [one.split() for one in (before.POSTGRESQL if on_postgresql else before.SQLITE)]
    return {
        words[2]: " ".join(words)
        for words in statements
        if words[:2] == ["CREATE", "TRIGGER"] and words[2].startswith(STAYS)
    }


def take_down(apps, schema_editor):
    """On SQLite a new column makes the table anew, which would lose them without a word."""
    on_table = (
        " ON group_sessions_curriculumweek"
        if schema_editor.connection.vendor == "postgresql"
        else ""
    )
    for name in triggers(schema_editor):
        schema_editor.execute(f"DROP TRIGGER {name}{on_table}")


def put_up(apps, schema_editor):
    for statement in triggers(schema_editor).values():
        schema_editor.execute(statement)


def explain(apps, schema_editor):
    weeks = apps.get_model("group_sessions", "CurriculumWeek").objects
    first = Q(curriculum__version=1, curriculum__published_at=FROM_THE_START)
    draft = Q(curriculum__published_at=None)
    unread = weeks.filter(first | draft, curriculum__approved_at=None)
    for number, default in enumerate(DEFAULT_WEEKS, start=1):
        same = unread.filter(number=number, title=default.title)
        for week in same:
            if week.skills == list(default.skills):
                weeks.filter(pk=week.pk).update(explained=default.skills)


class Migration(migrations.Migration):
    dependencies = [("group_sessions", "0010_published_stays")]

    operations = [
        migrations.RunPython(take_down, put_up),
        migrations.AddField(
            model_name="curriculumweek",
            name="explained",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="What a skill is, in one plain sentence, by its name.",
                validators=[sessions.models.validate_explained],
            ),
        ),
        migrations.RunPython(explain, migrations.RunPython.noop),
        migrations.RunPython(put_up, take_down),
    ]
