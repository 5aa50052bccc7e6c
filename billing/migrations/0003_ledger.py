import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

# A line that was written stays as it is; what was wrong is put right by another line.
POSTGRESQL = (
    """
    CREATE FUNCTION billing_ledger_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the ledger is only added to' USING ERRCODE = '23000';
    END $$
    """,
    """
    CREATE TRIGGER billing_ledger_is_only_added_to BEFORE UPDATE OR DELETE ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_ledger_is_only_added_to()
    """,
)
SQLITE = tuple(
    f"""
    CREATE TRIGGER billing_ledger_is_only_added_to_{event} BEFORE {event} ON billing_ledgerentry
    BEGIN SELECT RAISE(ABORT, 'the ledger is only added to'); END
    """
    for event in ("UPDATE", "DELETE")
)
REASONS = {
    "late": "Paid after the seat was gone",
    "twice": "Paid twice",
    "desk": "Decided by staff",
    "outside": "Made in Stripe's dashboard",
}


def lock(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        schema_editor.execute(statement)


def unlock(apps, schema_editor):
    """The triggers go with the table, PostgreSQL's function does not."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER billing_ledger_is_only_added_to ON billing_ledgerentry")
        schema_editor.execute("DROP FUNCTION billing_ledger_is_only_added_to")


def write_what_was(apps, schema_editor):
    """The lines of the money that came and went before there was a ledger."""
    entry = apps.get_model("billing", "LedgerEntry")
    lines = [
        entry(
            enrollment_id=payment.enrollment_id,
            kind="charge",
            amount_cents=payment.amount_cents,
            currency=payment.currency,
            key=f"charge:{payment.pk}",
            at=payment.paid_at,
            stripe_id=payment.stripe_payment_intent_id or "",
        )
        for payment in apps.get_model("billing", "Payment").objects.order_by("pk")
    ]
    refunds = apps.get_model("billing", "Refund").objects.select_related("payment")
    # A refund that failed is written with its way back only where it had left: it has an id then.
    gone = Q(status__in=["pending", "succeeded"]) | Q(
        status="failed", stripe_refund_id__isnull=False
    )
    for refund in refunds.filter(gone).order_by("pk"):
        line = {
            "enrollment_id": refund.enrollment_id,
            "currency": refund.payment.currency,
            "stripe_id": refund.stripe_refund_id or "",
            "actor_id": refund.actor_id,
        }
        lines.append(
            entry(
                kind="refund",
                amount_cents=-refund.amount_cents,
                key=f"refund:{refund.uuid}",
                at=refund.submitted_at or refund.requested_at,
                reason=REASONS.get(refund.reason, ""),
                **line,
            )
        )
        if refund.status == "failed":
            lines.append(
                entry(
                    kind="refund_failed",
                    amount_cents=refund.amount_cents,
                    key=f"refund-failed:{refund.uuid}",
                    at=refund.settled_at or refund.requested_at,
                    reason=refund.note[:200],
                    **line,
                )
            )
    entry.objects.bulk_create(sorted(lines, key=lambda line: line.at), batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0002_whose_refund"),
        ("enrollment", "0006_messages_not_sent"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="refund",
            name="enrollment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="enrollment.enrollment",
            ),
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("charge", "Paid"),
                            ("refund", "Refunded"),
                            ("refund_failed", "Refund came back"),
                            ("dispute", "Taken back by the bank"),
                            ("dispute_won", "Given back by the bank"),
                            ("fee", "Fee of the processor"),
                            ("credit", "Credit moved"),
                            ("adjustment", "Adjusted"),
                        ],
                        max_length=16,
                    ),
                ),
                ("amount_cents", models.IntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("at", models.DateTimeField()),
                (
                    "stripe_id",
                    models.CharField(blank=True, help_text="The object at Stripe.", max_length=120),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("key", models.CharField(max_length=120, unique=True)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "enrollment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger",
                        to="enrollment.enrollment",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "ordering": ("at", "pk"),
                "indexes": [models.Index(fields=["at"], name="billing_ledger_by_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_cents", 0), _negated=True),
                        name="a_line_moves_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("amount_cents__gt", 0),
                                ("kind__in", ["charge", "refund_failed", "dispute_won"]),
                            ),
                            models.Q(
                                ("amount_cents__lt", 0), ("kind__in", ["refund", "dispute", "fee"])
                            ),
                            ("kind__in", ["credit", "adjustment"]),
                            _connector="OR",
                        ),
                        name="a_line_has_the_sign_of_its_kind",
                    ),
                ],
            },
        ),
        migrations.RunPython(write_what_was, migrations.RunPython.noop),
        migrations.RunPython(lock, unlock),
    ]
