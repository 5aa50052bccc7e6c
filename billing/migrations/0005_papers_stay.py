from django.db import migrations

# What was issued stays as it is. Only the ciphertext may be written again, under a new key; what
# it says is sealed by the key.
KEPT = "enrollment_id, kind, payment_id, version, issued_at, issued_to_id, replaces_id, id"
POSTGRESQL = (
    """
    CREATE FUNCTION billing_papers_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'an issued paper stays as it is' USING ERRCODE = '23000';
    END $$
    """,
    f"""
    CREATE TRIGGER billing_papers_stay BEFORE UPDATE OF {KEPT} OR DELETE ON billing_issuedpaper
    FOR EACH ROW EXECUTE FUNCTION billing_papers_stay()
    """,
)
SQLITE = tuple(
    f"""
    CREATE TRIGGER billing_papers_stay_{name} BEFORE {event} ON billing_issuedpaper
    BEGIN SELECT RAISE(ABORT, 'an issued paper stays as it is'); END
    """
    for name, event in (("update", f"UPDATE OF {KEPT}"), ("delete", "DELETE"))
)


def lock(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        schema_editor.execute(statement)


def unlock(apps, schema_editor):
    """The triggers go with the table, PostgreSQL's function does not."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER billing_papers_stay ON billing_issuedpaper")
        schema_editor.execute("DROP FUNCTION billing_papers_stay")


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_money_desk"),
    ]

    operations = [
        migrations.RunPython(lock, unlock),
    ]
