"""The ES2+ client: it calls a function of an SM-DP+ (SGP.22 v2.2, 5.3 and 6).

`esim.es2plus.answers` parses the answer. Decisions are made in `esim.domain.decisions`,
and calls are stored by `esim.domain.calls`.
"""

import json
import uuid
from typing import TypeVar

import httpx
from django.core.exceptions import ImproperlyConfigured

from esim.es2plus.addresses import address_of, tls_files_of
from esim.es2plus.answers import JSON, Answer, Outcome, parse_answer
from esim.es2plus.functions import Function
from esim.models import SmdpProvider
from moportal.http_client import exchange, refuses_certificate, was_never_read

PATH = "/gsma/rsp2/es2plus/"
PROTOCOL = "gsma/rsp/"
Result = TypeVar("Result")


def call(
    function: Function[Result],
    *,
    provider: SmdpProvider,
    call_identifier: uuid.UUID,
    timeout: float,
) -> Answer[Result]:
    """Call a function and parse its answer. Never raises for anything that the SM-DP+ does."""
    header = {
        "functionRequesterIdentifier": provider.requester_identifier,
        "functionCallIdentifier": str(call_identifier),
    }
    # SGP.22 v2.2, 6.5: only quote, backslash and control characters are escaped.
    message = json.dumps(
        {"header": header, **function.message_fields(provider)}, ensure_ascii=False
    )
    headers = {
        "Accept": JSON,
        "Accept-Encoding": "identity",
        "Content-Type": JSON,
        "X-Admin-Protocol": PROTOCOL + provider.protocol_version,
    }
    try:
        url = address_of(provider) + provider.path_prefix + PATH + function.name
        tls = tls_files_of(provider)
        reply = exchange(
            "POST", url, content=message.encode(), headers=headers, within=timeout, tls=tls
        )
    except ImproperlyConfigured as error:
        return Answer(Outcome.NOT_SENT, str(error), is_setting=True)
    except httpx.HTTPError as error:
        # Unless the request surely never arrived, the function may have been executed.
        outcome = Outcome.NOT_SENT if was_never_read(error) else Outcome.NO_ANSWER
        detail = f"{type(error).__name__}: {error}"
        return Answer(outcome, detail, is_setting=refuses_certificate(error))
    return parse_answer(reply, function)
