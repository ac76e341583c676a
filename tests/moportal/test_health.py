"""`moportal.health`: `/healthz` reports every part."""

import json

from django.test import Client


def test_healthz_names_the_part_that_does_not_work(client: Client, db: None) -> None:
    answer = client.get("/healthz")

    parts = json.loads(answer.content)["parts"]
    assert answer.status_code == 503
    assert parts["outbox.health.database"] == "ok"
    assert "no worker" in parts["outbox.health.worker"]
