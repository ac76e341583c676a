"""Get Balance: `GET /v1/sims/{sim}/balances` (contract, section 5)."""

from typing import Any, cast

from django.http import HttpResponse
from django.utils.timezone import now
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.request import Request

from balance_api import asking
from balance_api.authentication import Caller, ClientCertificate
from balance_api.json_view import JsonView, json_response
from balance_api.questions import Question, Repeated, TooOften
from balance_api.schema import balances_schema
from balance_api.serializers import balance_serializer, parse_query, parse_sim, parse_transaction_id
from moportal.problems import BadParameter, Conflict, echo_transaction_id
from subscriptions.balances import UnknownSim


class BalancesView(JsonView):
    """What is left on a SIM, for Microsoft's service."""

    authentication_classes = [ClientCertificate]
    parser_classes = []
    http_method_names = ["get", "head"]

    @balances_schema
    def get(self, request: Request, sim: str) -> HttpResponse:
        """Answer the SIM's balances, cut to `limit` after they are in order."""
        caller, at, sent = cast("Caller", request.user).name, now(), request.META
        try:
            try:
                query = parse_query(sent.get("QUERY_STRING", ""))
                transaction_id = parse_transaction_id(sent)
            except BadParameter:
                asking.count(caller, at)
                raise
            iccid = parse_sim(sim)
            found = asking.balances(Question(caller, transaction_id, iccid, query.location, at))
        except TooOften as error:
            raise Throttled(error.retry_after) from error
        except Repeated as error:
            raise Conflict("This transaction id was answered before; send a new one.") from error
        except UnknownSim as error:
            raise NotFound("No SIM of this ICCID is known here.") from error
        serializer = balance_serializer(is_full=query.is_full)
        entries = [serializer.to_representation(balance) for balance in found[: query.limit]]
        # DRF's Response would find a renderer first, which takes 5 % of the request's CPU time.
        return json_response({"balances": entries})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Echo the transaction id on every answer, errors too; none of them is for a cache."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "no-store"
        echo_transaction_id(request.META, final)
        return final
