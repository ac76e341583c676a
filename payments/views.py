"""What the payment gateway calls."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from moportal.web.problems import problem_response
from payments.domain import webhooks
from payments.gateways import gateways
from payments.gateways.base import WebhookForged

MAX_BODY = 64 * 1024


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, name: str = "") -> HttpResponse:
    """Store an event and answer 204, or 400 if the gateway has not signed it.

    Without a name, the event is from the first gateway of PAYMENT_GATEWAY.

    The gateway has no session and no CSRF token. Its signature replaces them.
    """
    if len(request.body) > MAX_BODY:
        return problem_response(413, "Content too large", "An event may be at most 64 KiB long.")
    try:
        webhooks.receive(name or next(iter(gateways()), ""), request.body, request.headers)
    except WebhookForged as error:
        return problem_response(
            400, "Bad request", f"This is not an event from the payment gateway: {error}."
        )
    return HttpResponse(status=204)
