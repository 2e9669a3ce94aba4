"""Where vendors tell us that something happened: anybody may come, only a proven sender is heard, and all is small."""

from __future__ import annotations

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from mdm_adapters.port import Denied, Garbled, PortError
from server.web.here import here
from server.work import phones

LARGEST_EVENT = 1024 * 1024
"""Bytes: an iPhone's list of apps is the largest thing that anybody has to tell."""
_SAID = {"Cache-Control": "no-store"}


def hear(connection: str) -> ResponseReturnValue:
    """An event of a manager of phones."""
    at = here()
    request.max_content_length = LARGEST_EVENT
    if connection not in at.context.mdms:
        abort(404)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        phones.hear(at.context, connection, headers, request.get_data(cache=False))
    except Denied:
        return Response(status=403, headers=_SAID)
    except Garbled:
        return Response(status=400, headers=_SAID)
    except PortError:  # the manager could not be asked back: it will send it again
        return Response(status=503, headers=_SAID)
    return Response(status=200, headers=_SAID)
