"""Celery tasks that beat starts."""

from celery import shared_task
from celery.signals import worker_ready

from accounts.oidc import provider


@shared_task
def request_provider() -> None:
    """Enqueue the task that fetches what the OpenID Connect provider publishes."""
    provider.request_fetch()


@worker_ready.connect
def request_provider_at_start(**_kwargs: object) -> None:
    """Fetch it as soon as a worker starts. Until then nobody can sign in with the provider."""
    if provider.is_offered():
        request_provider.delay()
