"""The anchor for Django REST framework as its tutorial has it: models, serializers, an APIView.

Its database connection is kept; its tables are the portal's, by the portal's models.
"""

import os
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.anchors.stock_settings"
application = get_wsgi_application()

from django.db import models  # noqa: E402 -- models need settings
from django.urls import path  # noqa: E402 -- the same
from rest_framework import authentication, exceptions, permissions, serializers  # noqa: E402 -- the same
from rest_framework.request import Request  # noqa: E402 -- the same
from rest_framework.response import Response  # noqa: E402 -- the same
from rest_framework.views import APIView  # noqa: E402 -- the same

from bench.anchors import shared  # noqa: E402 -- the same
from esim.models import Sim  # noqa: E402 -- the same
from subscriptions.models import Bucket  # noqa: E402 -- the same


class Replay(models.Model):
    """A transaction id that was answered."""

    pk = models.CompositePrimaryKey("caller", "transaction_id")
    caller = models.CharField(max_length=64)
    transaction_id = models.CharField(max_length=128)
    at = models.DateTimeField()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = shared.REPLAYS

    def __str__(self) -> str:
        return self.transaction_id


class Caller:
    """Who is authenticated by a certificate, as DRF's permissions want to see it."""

    is_authenticated = True


class NoCertificate(exceptions.APIException):
    status_code = 401


class Conflict(exceptions.APIException):
    status_code = 409


class ByCertificate(authentication.BaseAuthentication):
    """Know the caller by what the proxy passes on."""

    def authenticate(self, request: Request) -> tuple[Any, None]:
        refused = shared.refusal(
            request.headers.get("X-Proxy-Secret", ""),
            request.headers.get("X-Client-Certificate", ""),
        )
        if refused == HTTPStatus.UNAUTHORIZED:
            raise NoCertificate
        if refused:
            raise exceptions.PermissionDenied
        return Caller(), None


class QuestionSerializer(serializers.Serializer[Any]):
    """The parameters."""

    fieldsTemplate = serializers.RegexField("^(?i:basic)$", required=False)  # noqa: N815 -- the API's
    limit = serializers.IntegerField(min_value=1, max_value=shared.LARGEST, required=False)


class BalanceSerializer(serializers.Serializer[Any]):
    """An entry."""

    id = serializers.CharField()
    type = serializers.CharField()
    dataRemainingInMB = serializers.FloatField()  # noqa: N815 -- the API's names
    timeRemaining = serializers.CharField()  # noqa: N815 -- the API's names


class AnswerSerializer(serializers.Serializer[Any]):
    """The body."""

    balances = BalanceSerializer(many=True)


class BalancesView(APIView):
    """Get Balance."""

    authentication_classes = [ByCertificate]
    permission_classes = [permissions.IsAuthenticated]

    def get(self, request: Request, iccid: str) -> Response:
        question = QuestionSerializer(data=request.query_params)
        question.is_valid(raise_exception=True)
        now, told = datetime.now(UTC), request.headers.get("X-MS-DM-TransactionId", "")
        replay, is_new = Replay.objects.get_or_create(  # type: ignore[attr-defined]  # no installed app's
            caller="stock", transaction_id=told, defaults={"at": now}
        )
        if not is_new:
            if replay.at > now - shared.WINDOW:
                raise Conflict
            replay.at = now
            replay.save()
        sim = Sim.objects.filter(iccid=iccid).first()
        if sim is None:
            raise exceptions.NotFound
        limit = question.validated_data.get("limit", shared.LARGEST)
        _status, found = shared.entries(_rows(sim, now), limit, now)
        answer = AnswerSerializer({"balances": found})
        return Response(answer.data, headers={"X-MS-DM-TransactionId": told})


def _rows(sim: Sim, now: datetime) -> list[tuple[Any, ...]]:
    """Return what the one statement of the other anchors would."""
    held = (
        Bucket.objects.filter(
            subscription__line__sims__sim=sim,
            subscription__line__sims__until=None,
            subscription__state="active",
            subscription__starts_at__lte=now,
            subscription__ends_at__gt=now,
        )
        .exclude(kind=Bucket.Kind.MICROBALANCE)
        .select_related("subscription")
    )
    return [
        (
            True,
            sim.is_in_programme,
            bucket.pk,
            bucket.kind == Bucket.Kind.UNLIMITED,
            bucket.left_bytes,
            bucket.subscription.ends_at,
        )
        for bucket in held
        if bucket.left_bytes > 0 or bucket.kind == Bucket.Kind.UNLIMITED
    ] or [(True, sim.is_in_programme, None, None, None, None)]


urlpatterns = [path("v1/sims/<str:iccid>/balances", BalancesView.as_view())]
