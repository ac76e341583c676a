"""`manage.py reseal`: after it, no row needs an older key, and nothing was lost on the way."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.test.utils import isolate_apps
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.domain import pool
from esim.models import Profile
from mobileplans.models import Handoff
from moportal.database import resealing
from moportal.database.resealing import SealedColumn, count_rows, reseal_column, sealed_columns
from moportal.sealed import SealedField, digest
from payments.models import PaymentMethod
from tests.builders import EID, make_method, make_pool, make_visit
from tests.races import at_once

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))
CODE = "1$smdp.example$ABCDE-FGHIJ-12345"


@pytest.fixture
def column() -> SealedColumn:
    (found,) = (one for one in sealed_columns() if one.model is PaymentMethod)
    return found


@pytest.fixture
def sealed_with_old(alice: User, settings: Settings) -> dict[str, str]:
    """Return what was sealed with the old key, in each room that seals."""
    settings.SEAL_KEYS = [OLD]
    make_pool(1)
    profile = pool.intend(eid=EID, profile_type="consumer")
    make_method(alice)
    make_handoff(alice)
    return {"matching id": profile.matching_id, "token": "tok_unknown", "code": CODE}


def make_handoff(account: User) -> Handoff:
    return Handoff.objects.create(
        visit=make_visit(account=account),
        account=account,
        token_hash="spent",
        language="en",
        expires_at=now() + timedelta(minutes=30),
        user_account="Existing",
        purchase_instrument="None",
        line="Existing",
        mo_direct_status="Complete",
        success=True,
        iccid="8949449999999990023",
        activation_code=CODE,
    )


def read_all() -> dict[str, str]:
    return {
        "matching id": Profile.objects.get().matching_id,
        "token": PaymentMethod.objects.get().token,
        "code": Handoff.objects.get().activation_code,
    }


def raw_tokens() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM payments_paymentmethod ORDER BY id")
        return [token for (token,) in cursor.fetchall()]


def test_a_key_is_replaced_in_three_steps_while_others_still_use_the_old_one(
    sealed_with_old: dict[str, str], settings: Settings, alice: User
) -> None:
    # Step 1: every process learns to read the new key, one after the other.
    settings.SEAL_KEYS = [OLD, NEW]
    assert read_all() == sealed_with_old

    # Step 2: this process writes with the new key, and a process of step 1 reads it.
    settings.SEAL_KEYS = [NEW, OLD]
    PaymentMethod.objects.update(token="tok_of_step_2")
    settings.SEAL_KEYS = [OLD, NEW]
    assert PaymentMethod.objects.get().token == "tok_of_step_2"

    settings.SEAL_KEYS = [NEW, OLD]
    call_command("reseal")

    # Step 3: the old key is gone.
    settings.SEAL_KEYS = [NEW]
    assert read_all() == {**sealed_with_old, "token": "tok_of_step_2"}


def test_reseal_does_not_end_well_while_another_process_writes_with_the_old_key(
    sealed_with_old: dict[str, str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEAL_KEYS = [NEW, OLD]
    count = resealing.count_rows

    def write_then_count(column: SealedColumn, size: int) -> resealing.Count:
        if column.model is PaymentMethod:
            settings.SEAL_KEYS = [OLD, NEW]
            PaymentMethod.objects.update(token="tok_late")
            settings.SEAL_KEYS = [NEW, OLD]
        return count(column, size)

    monkeypatch.setattr("moportal.management.commands.reseal.count_rows", write_then_count)
    with pytest.raises(CommandError, match="1 rows still need an older key"):
        call_command("reseal")

    monkeypatch.undo()
    settings.SEAL_KEYS = [NEW, OLD]
    call_command("reseal")
    settings.SEAL_KEYS = [NEW]
    assert PaymentMethod.objects.get().token == "tok_late"


def test_the_check_counts_and_writes_nothing(
    sealed_with_old: dict[str, str], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SEAL_KEYS = [NEW, OLD]
    before = raw_tokens()

    with pytest.raises(CommandError, match="3 rows need an older key"):
        call_command("reseal", "--check")
    assert raw_tokens() == before

    call_command("reseal")
    call_command("reseal", "--check")

    lines = capsys.readouterr().out.splitlines()
    counts = "payments.PaymentMethod.token: 1 rows, 0 encrypted again, 1 need an older key, "
    assert any(line.startswith(counts) for line in lines)
    assert lines[-1] == "Every row is encrypted with the first key. The others can be removed."


def test_a_row_that_no_key_opens_is_named_and_does_not_stop_the_others(
    sealed_with_old: dict[str, str],
    settings: Settings,
    alice: User,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.SEAL_KEYS = [FOREIGN]
    lost = [make_method(alice).pk for _ in range(11)]
    settings.SEAL_KEYS = [NEW, OLD]

    with pytest.raises(CommandError, match="11 rows cannot be read"):
        call_command("reseal")

    shown = ", ".join(map(str, lost[:10]))
    assert f"no key of SEAL_KEYS opens {shown} …" in capsys.readouterr().err
    settings.SEAL_KEYS = [NEW, FOREIGN]
    call_command("reseal")
    settings.SEAL_KEYS = [NEW]
    assert PaymentMethod.objects.filter(pk__in=lost).count() == 11
    assert Profile.objects.get().matching_id == sealed_with_old["matching id"]


def test_reseal_goes_on_where_it_was_stopped(
    alice: User, settings: Settings, column: SealedColumn, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEAL_KEYS = [OLD]
    for _ in range(5):
        make_method(alice)
    settings.SEAL_KEYS = [NEW, OLD]
    write, written = SealedColumn.write, list[int]()

    def write_three(self: SealedColumn, row: resealing.Stored) -> None:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(row.pk)
        write(self, row)

    monkeypatch.setattr(SealedColumn, "write", write_three)
    with pytest.raises(KeyboardInterrupt):
        reseal_column(column, 2)
    monkeypatch.undo()

    # The second batch was rolled back as a whole.
    settings.SEAL_KEYS = [NEW, OLD]
    assert count_rows(column, 2).outdated == 3
    assert reseal_column(column, 2) == 3
    assert count_rows(column, 2) == resealing.Count(rows=5, outdated=0, unreadable=[])


@pytest.mark.django_db(transaction=True)
def test_a_row_that_an_order_has_locked_is_left_for_the_next_run(
    alice: User, settings: Settings, column: SealedColumn
) -> None:
    settings.SEAL_KEYS = [OLD]
    locked, other = make_method(alice), make_method(alice)
    settings.SEAL_KEYS = [NEW, OLD]

    with transaction.atomic():
        PaymentMethod.objects.select_for_update().get(pk=locked.pk)
        written = at_once(lambda: reseal_column(column, 10), 1)

    assert written == [1]
    assert count_rows(column, 10).outdated == 1
    assert reseal_column(column, 10) == 1
    settings.SEAL_KEYS = [NEW]
    assert PaymentMethod.objects.get(pk=other.pk).token == "tok_unknown"


def test_a_changed_digest_key_gives_every_row_its_new_digest(
    sealed_with_old: dict[str, str], settings: Settings
) -> None:
    before = Profile.objects.get().matching_id_digest
    settings.DIGEST_KEY = "another key of fifty characters, as long as it has to be"

    call_command("reseal")

    profile = Profile.objects.get()
    assert profile.matching_id_digest == digest(profile.matching_id) != before


def test_an_empty_text_needs_no_key(alice: User, settings: Settings, column: SealedColumn) -> None:
    settings.SEAL_KEYS = [OLD]
    PaymentMethod.objects.filter(pk=make_method(alice).pk).update(token="")
    settings.SEAL_KEYS = [NEW]

    assert count_rows(column, 10).rows == 0


def test_a_batch_has_at_least_one_row(db: None) -> None:
    with pytest.raises(CommandError, match="1 or more"):
        call_command("reseal", "--batch", "0")


def test_a_new_sealed_field_is_found_without_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with isolate_apps("moportal") as isolated:

        class Planted(models.Model):  # noqa: DJ008 -- nobody prints it
            code = SealedField()
            code_digest = models.CharField(max_length=64)
            hint = SealedField(blank=True)
            note = models.TextField()

            class Meta:
                app_label = "moportal"

        monkeypatch.setattr(resealing, "apps", isolated)
        found = sealed_columns()

    named: list[tuple[Any, ...]] = [(one.name, one.digest_name) for one in found]
    assert named == [("code", "code_digest"), ("hint", None)]
