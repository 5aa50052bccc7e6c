import django.db.models.deletion
from django.db import migrations, models

# A published version is what groups are taught: nobody edits it, nor takes it back. Its weeks are
# looked at with a lock on their version, so that one that is being published is waited for.
POSTGRESQL = (
    """
    CREATE FUNCTION group_sessions_published_curriculum_stays() RETURNS trigger LANGUAGE plpgsql
    AS $$
    BEGIN
        IF OLD.published_at IS NOT NULL AND (
            TG_OP = 'DELETE'
            OR (NEW.id, NEW.programme_id, NEW.version, NEW.published_at)
                IS DISTINCT FROM (OLD.id, OLD.programme_id, OLD.version, OLD.published_at)
            OR (OLD.approved_at IS NOT NULL
                AND (NEW.clinician, NEW.approved_by_id, NEW.approved_at)
                    IS DISTINCT FROM (OLD.clinician, OLD.approved_by_id, OLD.approved_at))
        ) THEN
            RAISE EXCEPTION 'a published curriculum stays as it is' USING ERRCODE = '23000';
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER group_sessions_published_curriculum_stays
    BEFORE UPDATE OR DELETE ON group_sessions_curriculum
    FOR EACH ROW EXECUTE FUNCTION group_sessions_published_curriculum_stays()
    """,
    """
    CREATE FUNCTION group_sessions_published_weeks_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE published timestamptz;
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            SELECT published_at INTO published FROM group_sessions_curriculum
            WHERE id = OLD.curriculum_id FOR SHARE;
        END IF;
        IF TG_OP <> 'DELETE' AND published IS NULL THEN
            SELECT published_at INTO published FROM group_sessions_curriculum
            WHERE id = NEW.curriculum_id FOR SHARE;
        END IF;
        IF published IS NOT NULL THEN
            RAISE EXCEPTION 'a published curriculum stays as it is' USING ERRCODE = '23000';
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER group_sessions_published_weeks_stay
    BEFORE INSERT OR UPDATE OR DELETE ON group_sessions_curriculumweek
    FOR EACH ROW EXECUTE FUNCTION group_sessions_published_weeks_stay()
    """,
)
# SQLite has one writer at a time, so a trigger sees everything.
STAYS = "BEGIN SELECT RAISE(ABORT, 'a published curriculum stays as it is'); END"
PUBLISHED = (
    "EXISTS (SELECT 1 FROM group_sessions_curriculum AS of_week"
    " WHERE of_week.id = {row}.curriculum_id AND of_week.published_at IS NOT NULL)"
)
SQLITE = (
    f"""
    CREATE TRIGGER group_sessions_published_curriculum_stays_delete
    BEFORE DELETE ON group_sessions_curriculum WHEN OLD.published_at IS NOT NULL {STAYS}
    """,
    f"""
    CREATE TRIGGER group_sessions_published_curriculum_stays_update
    BEFORE UPDATE ON group_sessions_curriculum
    WHEN OLD.published_at IS NOT NULL AND (
        (NEW.id, NEW.programme_id, NEW.version, NEW.published_at)
            IS NOT (OLD.id, OLD.programme_id, OLD.version, OLD.published_at)
        OR (OLD.approved_at IS NOT NULL
            AND (NEW.clinician, NEW.approved_by_id, NEW.approved_at)
                IS NOT (OLD.clinician, OLD.approved_by_id, OLD.approved_at))
    ) {STAYS}
    """,
    *(
        f"""
        CREATE TRIGGER group_sessions_published_weeks_stay_{event}_{row}
        BEFORE {event} ON group_sessions_curriculumweek WHEN {PUBLISHED.format(row=row)} {STAYS}
        """
        for event, row in (
            ("INSERT", "NEW"),
            ("UPDATE", "OLD"),
            ("UPDATE", "NEW"),
            ("DELETE", "OLD"),
        )
    ),
)


def add(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        schema_editor.execute(statement)


def remove(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    names = (
        ("group_sessions_published_curriculum_stays", "group_sessions_curriculum"),
        ("group_sessions_published_weeks_stay", "group_sessions_curriculumweek"),
    )
    if on_postgresql:
        for name, table in names:
            schema_editor.execute(f"DROP TRIGGER {name} ON {table}")
            schema_editor.execute(f"DROP FUNCTION {name}")
        return
    for statement in SQLITE:
        name = statement.split()[2]
        schema_editor.execute(f"DROP TRIGGER {name}")


class Migration(migrations.Migration):
    dependencies = [("group_sessions", "0009_weeks_of_a_version")]

    operations = [
        migrations.AlterField(
            model_name="curriculum",
            name="programme",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="curricula",
                to="group_sessions.programme",
            ),
        ),
        migrations.RunPython(add, remove),
    ]
