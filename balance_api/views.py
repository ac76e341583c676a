"""Get Balance: `GET /v1/sims/{sim}/balances` (docs/contract.md#get-balance)."""

from typing import Any, cast

from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from balance_api.admission import admitted_balances, count_request
from balance_api.authentication import Caller, ClientCertificate
from balance_api.json_view import JsonView, json_response
from balance_api.schema import balances_schema
from balance_api.serializers import balance_serializer, parse_query, parse_sim, parse_transaction_id
from moportal.web.problems import BadParameter, echo_transaction_id
from subscriptions.balances import UnknownSim


class BalancesView(JsonView):
    """What is left on a SIM, for Microsoft's service."""

    authentication_classes = [ClientCertificate]
    parser_classes = []
    http_method_names = ["get", "head"]

    @balances_schema
    def get(self, request: Request, sim: str) -> HttpResponse:
        """Answer the SIM's balances: sorted first, then cut to `limit`."""
        caller, sent = cast("Caller", request.user).name, request.META
        try:
            query = parse_query(sent.get("QUERY_STRING", ""))
            transaction_id = parse_transaction_id(sent)
        except BadParameter:
            count_request(caller)
            raise
        try:
            found = admitted_balances(caller, transaction_id, parse_sim(sim), query.location)
        except UnknownSim as error:
            raise NotFound("No SIM with this ICCID is known.") from error
        serializer = balance_serializer(is_full=query.is_full)
        entries = [serializer.to_representation(balance) for balance in found[: query.limit]]
        # DRF's Response would first select a renderer: 5 % of the request's CPU time.
        return json_response({"balances": entries})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Echo the transaction id on every answer, errors included. No answer may be cached."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "no-store"
        echo_transaction_id(request.META, final)
        return final
