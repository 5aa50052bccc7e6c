"""By itself: PostgreSQL changes no table that has rows waiting for its checks."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from sessions import curriculum

AREA_OF = {
    text: area
    for week in curriculum.DEFAULT_WEEKS
    for area, texts in week.activities.items()
    for text in texts
}
# Nothing tells where somebody's own text belongs; most of what people practise is done there.
ELSEWHERE = "home"


def first_versions(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What a programme teaches now becomes its first version; the default text, if it is none."""
    curricula = apps.get_model("group_sessions", "Curriculum").objects
    weeks = apps.get_model("group_sessions", "CurriculumWeek").objects
    for programme in apps.get_model("group_sessions", "Programme").objects.all():
        own = list(weeks.filter(programme=programme))
        if not own and programme.slug == curriculum.DEFAULT_SLUG:
            first = curricula.create(
                programme=programme, version=1, published_at=curriculum.FROM_THE_START
            )
            weeks.bulk_create(
                weeks.model(
                    programme=programme,
                    curriculum=first,
                    number=number,
                    module=week.module,
                    title=week.title,
                    skills=list(week.skills),
                    activities=week.activities,
                )
                for number, week in enumerate(curriculum.DEFAULT_WEEKS, start=1)
            )
            continue
        first = curricula.create(
            programme=programme, version=1, published_at=curriculum.FROM_THE_START
        )
        for week in own:
            by_area: dict[str, list[str]] = {}
            for text in week.activities:
                by_area.setdefault(AREA_OF.get(text, ELSEWHERE), []).append(text)
            week.curriculum, week.activities = first, by_area
            week.save(update_fields=["curriculum", "activities"])


class Migration(migrations.Migration):
    dependencies = [("group_sessions", "0007_curricula")]
    operations = [migrations.RunPython(first_versions)]
