import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import enrollment.models


class Migration(migrations.Migration):
    dependencies = [
        ("enrollment", "0003_absences_and_visits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarFeed",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "token",
                    models.CharField(
                        default=enrollment.models.random_feed_token,
                        editable=False,
                        max_length=40,
                        unique=True,
                    ),
                ),
                ("made_at", models.DateTimeField()),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="calendar_feed",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
