from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from sessions import curriculum


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    curriculum.seed(
        apps.get_model("group_sessions", "Programme").objects,
        apps.get_model("group_sessions", "CurriculumWeek").objects,
    )


class Migration(migrations.Migration):
    dependencies = [("group_sessions", "0001_initial")]
    # Going back keeps the programme: its cohorts and its edited text may be in use.
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
