"""The Django REST framework anchor, as in its tutorial: models, serializers, an APIView.

Its database connection is kept. It uses the portal's models and tables.
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
from subscriptions.models import Bucket, OperatorLine  # noqa: E402 -- the same


class Replay(models.Model):
    """A transaction id that has been answered."""

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
    """A caller with a certificate, as DRF's permissions expect it."""

    is_authenticated = True


class NoCertificate(exceptions.APIException):
    status_code = 401


class Conflict(exceptions.APIException):
    status_code = 409


class ByCertificate(authentication.BaseAuthentication):
    """Authenticate the caller by the headers that the proxy passes on."""

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


class ParametersSerializer(serializers.Serializer[Any]):
    """The query parameters."""

    fieldsTemplate = serializers.RegexField("^(?i:basic)$", required=False)  # noqa: N815 -- the API's name
    limit = serializers.IntegerField(min_value=1, max_value=shared.LARGEST, required=False)


class BalanceSerializer(serializers.Serializer[Any]):
    """One balance."""

    id = serializers.CharField()
    type = serializers.CharField()
    dataRemainingInMB = serializers.FloatField()  # noqa: N815 -- the API's names
    timeRemaining = serializers.CharField()  # noqa: N815 -- the API's names


class AnswerSerializer(serializers.Serializer[Any]):
    """The body of the answer."""

    balances = BalanceSerializer(many=True)


class BalancesView(APIView):
    """Get Balance."""

    authentication_classes = [ByCertificate]
    permission_classes = [permissions.IsAuthenticated]

    def get(self, request: Request, iccid: str) -> Response:
        parameters = ParametersSerializer(data=request.query_params)
        parameters.is_valid(raise_exception=True)

        now, transaction = datetime.now(UTC), request.headers.get("X-MS-DM-TransactionId", "")
        replay, is_new = Replay.objects.get_or_create(  # type: ignore[attr-defined]  # of no installed app
            caller="stock", transaction_id=transaction, defaults={"at": now}
        )
        if not is_new:
            if replay.at > now - shared.WINDOW:
                raise Conflict
            replay.at = now
            replay.save()

        sim = Sim.objects.filter(iccid=iccid).first()
        if sim is None:
            raise exceptions.NotFound

        limit = parameters.validated_data.get("limit", shared.LARGEST)
        _status, found = shared.make_balances(_rows(sim, now), limit, now)
        answer = AnswerSerializer({"balances": found})
        return Response(answer.data, headers={"X-MS-DM-TransactionId": transaction})


def _rows(sim: Sim, now: datetime) -> list[tuple[Any, ...]]:
    """Return the rows that the other anchors' statement would return."""
    asked = OperatorLine.objects.filter(line__sims__sim=sim, line__sims__until=None)
    balances_at = asked.values_list("balances_at", flat=True).first()
    buckets = (
        Bucket.objects.filter(
            period__line__sims__sim=sim,
            period__line__sims__until=None,
            period__starts_at__lte=now,
            period__usable_until__gt=now,
        )
        .exclude(kind=Bucket.Kind.MICROBALANCE)
        .select_related("period")
    )
    return [
        (
            True,
            sim.is_in_programme,
            balances_at,
            bucket.pk,
            bucket.kind == Bucket.Kind.UNLIMITED,
            bucket.left_bytes,
            bucket.period.usable_until,
        )
        for bucket in buckets
        if bucket.left_bytes > 0 or bucket.kind == Bucket.Kind.UNLIMITED
    ] or [(True, sim.is_in_programme, balances_at, None, None, None, None)]


urlpatterns = [path("v1/sims/<str:iccid>/balances", BalancesView.as_view())]
