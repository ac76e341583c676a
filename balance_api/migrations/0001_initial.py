from django.db import migrations, models


def suit_postgresql(apps, schema_editor):
    """Suit the two tables to how they are written: the one in place, the other at its end.

    A caller's rate is worth nothing after a crash, and its one row is moved by every request, so
    that room beside it saves the index. What is old is found by when it was written.
    """
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("ALTER TABLE balance_api_callerrate SET UNLOGGED")
    schema_editor.execute("ALTER TABLE balance_api_callerrate SET (fillfactor = 10)")
    schema_editor.execute(
        "CREATE INDEX balance_api_answered_at ON balance_api_answeredtransaction USING brin (at)"
    )


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AnsweredTransaction",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "caller",
                        "transaction_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("caller", models.CharField(max_length=64)),
                ("transaction_id", models.CharField(max_length=128)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="CallerRate",
            fields=[
                ("caller", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("free_at", models.DateTimeField()),
            ],
        ),
        migrations.RunPython(suit_postgresql, migrations.RunPython.noop),
    ]
