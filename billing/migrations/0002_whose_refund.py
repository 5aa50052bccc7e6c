import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def say_whose(apps, schema_editor):
    payments = apps.get_model("billing", "Payment").objects.filter(pk=OuterRef("payment"))
    refunds = apps.get_model("billing", "Refund").objects.filter(enrollment=None)
    refunds.update(enrollment=Subquery(payments.values("enrollment")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="payment",
            name="attempt",
            field=models.OneToOneField(
                help_text="The page it was paid on; none for a card charged while nobody was there.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payment",
                to="billing.checkoutattempt",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="enrollment",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="enrollment.enrollment",
            ),
        ),
        migrations.RunPython(say_whose, migrations.RunPython.noop),
    ]
