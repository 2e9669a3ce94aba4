"""Where vendors tell us that something happened: anybody may come, only a proven sender is heard, and all is small."""

from __future__ import annotations

import re

from flask import Response, abort, request
from flask.typing import ResponseReturnValue

from mdm_adapters.port import Denied, Garbled, PortError
from server.sources.notificaties import LARGEST_NOTIFICATION
from server.web.request import here
from server.work.phones import managers
from server.work.register import case_notifications
from server.work.removal import change_notifications

LARGEST_EVENT = 1024 * 1024
"""Bytes: an iPhone's list of apps is the largest thing that anybody has to tell."""
_TOKEN = re.compile(r"[\x20-\x7e]{1,1024}")


def hear(connection: str) -> ResponseReturnValue:
    """An event of an MDM system; of a store, about the place that the address names; or of a case service.

    Whoever is not proven sets nothing off, and is answered alike whatever they name: nobody learns here which
    connections or places there are. Only a store's first question, whether this address is ours, is answered with what
    it brought, as plain text (VENDORS section 5.4).
    """
    cases = case_notifications.is_told_of(here().context, connection)
    return _of_cases(connection) if cases else _of_vendors(connection)


def _of_vendors(connection: str) -> ResponseReturnValue:
    at = here()
    request.max_content_length = LARGEST_EVENT
    body = request.get_data(cache=False)
    place = request.args.get("place", "")
    token = request.args.get("validationToken")
    if token is not None and place:
        return _repeated(token)
    try:
        if connection in at.context.mdms:
            headers = {name.lower(): value for name, value in request.headers.items()}
            managers.hear(at.context, connection, headers, body)
            return _said(200)
        if connection in at.context.stores and place:
            change_notifications.hear(at.context, connection, place, body)
            return _said(202)
    except Garbled:  # a manager proves its body before it reads it; of a store's, what cannot be read proves nobody
        return _said(400 if connection in at.context.mdms else 403)
    except PortError as error:
        # Where its sender could not be asked back. Most send it again; of NanoMDM, which does not, the next round asks.
        return _said(403 if isinstance(error, Denied) else 503)
    return _said(403)


def _of_cases(connection: str) -> ResponseReturnValue:
    """A notification (Notificaties API): answered once it is kept, and read back later. 403: its sender is not proven,
    which older services ask for where 401 would say more.
    """
    request.max_content_length = LARGEST_NOTIFICATION
    try:
        header = request.headers.get("Authorization", "")
        case_notifications.hear(here().context, connection, header, request.get_data(cache=False))
    except Garbled:
        return _said(400)
    except Denied:
        return _said(403)
    return _said(204)


def _repeated(token: str) -> Response:
    if not _TOKEN.fullmatch(token):
        abort(400)
    return Response(token, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


def _said(status: int) -> Response:
    return Response(status=status, headers={"Cache-Control": "no-store"})
