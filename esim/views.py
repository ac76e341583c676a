"""The endpoint that an SM-DP+ calls: HandleDownloadProgressInfo (SGP.22 v2.2, 5.3.5)."""

import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from esim import callers, notices
from esim.domain import progress
from moportal.trust.client_certificates import CERTIFICATE_ERRORS, refusal_for
from moportal.web.problems import problem_response, refused_response

MAX_BODY = 64 * 1024


@csrf_exempt
@require_POST
def handle_download_progress_info(request: HttpRequest) -> HttpResponse:
    """Store the notice, and answer 204 with an empty body."""
    try:
        provider = None if settings.API_WITHOUT_CERTIFICATE else callers.provider_of(request)
    except CERTIFICATE_ERRORS as error:
        return refused_response(refusal_for(error))
    if len(request.body) > MAX_BODY:
        return problem_response(413, "Content too large", "A notification has at most 64 KiB.")
    try:
        notice = notices.parse_notice(json.loads(request.body))
    except (ValueError, RecursionError) as error:
        return problem_response(400, "Bad request", f"Not a progress notification: {error}.")
    progress.store_notice(notice, provider)
    return HttpResponse(status=204, headers={"X-Admin-Protocol": "gsma/rsp/v2.2.0"})
