"""Get Balance: `GET /v1/sims/{sim}/balances` (contract, section 5)."""

from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import now
from rest_framework.exceptions import MethodNotAllowed, NotFound, Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from balance_api import asking, parameters
from balance_api.callers import caller_of
from balance_api.durations import iso_duration
from balance_api.negotiation import CompactJson, JsonOnly, json_answer
from balance_api.questions import Question, Repeated, TooOften
from balance_api.schema import balances_schema
from moportal.problems import BadParameter, Conflict, echo_transaction_id
from subscriptions.balances import Balance, UnknownSim


class BalancesView(APIView):
    """What is left on a SIM, for Microsoft's service."""

    content_negotiation_class = JsonOnly
    renderer_classes = [CompactJson]
    http_method_names = ["get", "head"]
    # What is allowed is said where something else was asked for (RFC 9110, 15.5.6).
    default_response_headers: ClassVar[dict[str, str]] = {}
    format_kwarg = None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Wrap the request without what reads a body: there is none."""
        return Request(request, negotiator=self.get_content_negotiator())

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check in the contract's order: 405, then 401 and 403, then the rest."""
        asked: HttpRequest = request._request  # noqa: SLF001 -- where DRF keeps Django's
        if str(asked.method).lower() not in self.http_method_names:
            self.headers = {"Allow": "GET, HEAD"}
            raise MethodNotAllowed(str(asked.method))
        # DRF's own authentication would come to the same by a longer way.
        self.at = now()
        self.caller = caller_of(asked, at=self.at)
        negotiated = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = negotiated

    @balances_schema
    def get(self, request: Request, sim: str) -> HttpResponse:
        """Answer the SIM's balances, cut to `limit` after they are in order."""
        caller, at, sent = self.caller, self.at, request.META
        try:
            try:
                wanted = parameters.read(sent.get("QUERY_STRING", ""))
                transaction_id = parameters.read_transaction_id(sent)
            except BadParameter:
                asking.count(caller, at)
                raise
            iccid = parameters.read_sim(sim)
            found = asking.balances(Question(caller, transaction_id, iccid, wanted.location, at))
        except TooOften as error:
            raise Throttled(error.retry_after) from error
        except Repeated as error:
            raise Conflict("This transaction id was answered before; send a new one.") from error
        except UnknownSim as error:
            raise NotFound("No SIM of this ICCID is known here.") from error
        entries = [entry(balance, is_full=wanted.is_full) for balance in found[: wanted.limit]]
        return json_answer({"balances": entries})

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Echo the transaction id on every answer, errors too; none of them is for a cache."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers["Cache-Control"] = "no-store"
        echo_transaction_id(request.META, final)
        return final


def entry(balance: Balance, *, is_full: bool) -> dict[str, Any]:
    """Return one balance with the fields of the template asked for."""
    fields: dict[str, Any] = {
        "id": balance.identifier,
        "type": balance.type,
        settings.BALANCE_DATA_KEY: balance.megabytes,
        "timeRemaining": iso_duration(balance.left_time),
    }
    if is_full:
        fields["locations"] = list(balance.locations)
    return fields
