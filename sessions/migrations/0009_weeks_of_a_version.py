import django.db.models.deletion
from django.db import migrations, models

import sessions.models


class Migration(migrations.Migration):
    dependencies = [("group_sessions", "0008_first_versions")]

    operations = [
        migrations.RemoveConstraint(model_name="curriculumweek", name="one_text_per_week"),
        migrations.RemoveField(model_name="curriculumweek", name="programme"),
        migrations.AlterField(
            model_name="curriculumweek",
            name="curriculum",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="weeks",
                to="group_sessions.curriculum",
            ),
        ),
        migrations.AlterField(
            model_name="curriculumweek",
            name="activities",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Everyday activities to practise in, by area of life.",
                validators=[sessions.models.validate_activities],
            ),
        ),
        migrations.AddConstraint(
            model_name="curriculumweek",
            constraint=models.UniqueConstraint(
                fields=("curriculum", "number"), name="one_text_per_week"
            ),
        ),
        migrations.AddConstraint(
            model_name="curriculum",
            constraint=models.UniqueConstraint(
                fields=("programme", "version"), name="one_curriculum_per_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="curriculum",
            constraint=models.UniqueConstraint(
                condition=models.Q(("published_at", None)),
                fields=("programme",),
                name="one_draft_curriculum_per_programme",
            ),
        ),
        migrations.AddConstraint(
            model_name="curriculum",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("published_at", None),
                    ("approved_at__isnull", False),
                    ("version", 1),
                    _connector="OR",
                ),
                name="a_clinician_approves_before_publication",
            ),
        ),
    ]
