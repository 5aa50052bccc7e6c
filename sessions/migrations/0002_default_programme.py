from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from sessions import curriculum


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Its weeks come with the first version of its curriculum, in `0008_first_versions`."""
    apps.get_model("group_sessions", "Programme").objects.get_or_create(
        slug=curriculum.DEFAULT_SLUG, defaults=curriculum.DEFAULT_PROGRAMME
    )


class Migration(migrations.Migration):
    dependencies = [("group_sessions", "0001_initial")]
    # Going back keeps the programme: its cohorts and its edited text may be in use.
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
