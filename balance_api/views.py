"""Get Balance: `GET /v1/sims/{sim}/balances` (contract, section 5)."""

from typing import Any

from django.conf import settings
from django.utils.timezone import now
from rest_framework.exceptions import MethodNotAllowed, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from balance_api import parameters
from balance_api.durations import iso_duration
from moportal.problems import TRANSACTION_HEADER, CertificateNeeded, echo_transaction_id
from subscriptions.balances import Balance, UnknownSim, balances


class BalancesView(APIView):
    """What is left on a SIM, for Microsoft's service."""

    http_method_names = ["get", "head", "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check in the contract's order: 405, then 401, then 400, then 404."""
        super().initial(request, *args, **kwargs)
        if str(request.method).lower() not in self.http_method_names:
            raise MethodNotAllowed(str(request.method))
        if not settings.MACHINES_WITHOUT_CERTIFICATE:
            raise CertificateNeeded

    def get(self, request: Request, sim: str) -> Response:
        """Answer the SIM's balances, cut to `limit` after they are in order."""
        parameters.check_transaction_id(request.headers.get(TRANSACTION_HEADER, ""))
        question = parameters.read(_first_values(request))
        iccid = parameters.read_sim(sim)
        try:
            if iccid is None:
                raise UnknownSim(sim)
            found = balances(iccid, location=question.location, at=now())
        except UnknownSim as error:
            raise NotFound("No SIM of this ICCID is known here.") from error
        entries = [entry(balance, is_full=question.is_full) for balance in found[: question.limit]]
        return Response({"balances": entries})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Echo the transaction id on every answer, errors too."""
        final = super().finalize_response(request, response, *args, **kwargs)
        echo_transaction_id(request.headers, final)
        return final


def entry(balance: Balance, *, is_full: bool) -> dict[str, Any]:
    """Return one balance with the fields of the template asked for."""
    fields: dict[str, Any] = {
        "id": balance.identifier,
        "type": balance.type,
        "dataRemainingInMB": balance.megabytes,
        "timeRemaining": iso_duration(balance.left_time),
    }
    if is_full:
        fields["locations"] = list(balance.locations)
    return fields


def _first_values(request: Request) -> dict[str, str]:
    """Of a repeated parameter the first counts; Django alone would take the last."""
    query = request.query_params
    return {name: query.getlist(name)[0] for name in query}
