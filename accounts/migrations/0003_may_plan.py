from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_audit_log")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="may_plan",
            field=models.BooleanField(
                default=False,
                help_text="For facilitators: they plan and publish groups that they lead, at the program's list price.",
                verbose_name="May plan their own groups",
            ),
        ),
    ]
