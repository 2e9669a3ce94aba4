"""The API for case systems: cases pushed one by one or many at once, what became of them; no case number is in any
address, and no page is here but the one that describes it.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from threading import BoundedSemaphore

from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from server.core.problems import ApiProblem, BodyProblem, PushRefusedError
from server.core.text import phrase
from server.render.refusals import at_page
from server.sources.pushed import (
    CONDITION,
    LARGEST_BATCH,
    LARGEST_CASE,
    CaseBatch,
    CaseQuestion,
    PushedCase,
    read_body,
)
from server.store.admin.accounts import TokenRow
from server.web import openapi
from server.web.api_models import (
    CaseAnswer,
    ChangeAnswer,
    ContactsAnswer,
    OutcomeAnswer,
    ProvenAnswer,
    PushedAnswer,
)
from server.web.problem_json import ROOT, STATUS
from server.web.request import fill, here
from server.work.register import outcomes, pushes
from server.work.register.outcomes import CaseOutcome
from server.work.register.pushes import PushItem, PushRequest, TakenPush

_KEY = re.compile(openapi.KEY_FORM)
_CONDITION = re.compile(CONDITION)
_LARGEST_QUESTION = 4 * 1024
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*([0-9]{1,9})\s*(?=[,;]|$)", re.IGNORECASE)
_WAITING = BoundedSemaphore(4)
"""So many may wait for a change in this process: others are answered at once, and there are threads for all else."""


def put_case(case: str) -> ResponseReturnValue:
    """One case, whole."""
    at = here()
    key = _key()
    condition = request.headers.get("If-Match")
    if condition is not None and not _CONDITION.fullmatch(condition):
        raise PushRefusedError(ApiProblem.CONDITION_BAD)
    raw = _body(LARGEST_CASE)
    told = read_body(raw, PushedCase)
    program = _program()
    if pushes.address_of(at.context, program, told) != case:
        raise PushRefusedError(ApiProblem.OTHER_CASE)
    item = PushItem("#", told, condition)
    return _taken(pushes.push(at.context, PushRequest(program, key, f"PUT {case}", [item], raw)), single=True)


def put_many() -> ResponseReturnValue:
    """Many cases, all of them or none."""
    key = _key()
    raw = _body(LARGEST_BATCH)
    batch = read_body(raw, CaseBatch)
    items = [
        PushItem(f"#/items/{nth}/case", each.case, each.if_match, lenient=True) for nth, each in enumerate(batch.items)
    ]
    return _taken(pushes.push(here().context, PushRequest(_program(), key, "POST", items, raw)), single=False)


def find_case() -> ResponseReturnValue:
    """Where a case is addressed; its number stands in the body."""
    asked = read_body(_body(_LARGEST_QUESTION), CaseQuestion)
    found = pushes.find_case(here().context, _program(), asked.number)
    answer = _said(CaseAnswer(case=found.address, etag=found.etag))
    if found.etag is not None:
        answer.headers["ETag"] = found.etag
    return answer


def show_change(change: str) -> ResponseReturnValue:
    """What became of a request."""
    row = pushes.find_change(here().context, _program(), change)
    return _said(
        ChangeAnswer(
            change=row.uid,
            state=row.state,
            accepted_at=row.accepted_at.isoformat(),
            cases=row.cases,
            changed=row.changed,
        )
    )


def show_outcome(case: str) -> ResponseReturnValue:
    """What became of the contacts of a case; where it is asked for, once that is something else (RFC 7240)."""
    context, program = here().context, _program()
    known = request.headers.get("If-None-Match")
    wished = _WAIT.search(request.headers.get("Prefer", ""))
    seconds = min(int(wished[1]), outcomes.LONGEST_WAIT) if wished else 0
    waits = seconds > 0 and _WAITING.acquire(blocking=False)
    try:
        found = outcomes.await_outcome(context, program, case, known=known, seconds=seconds if waits else 0)
    finally:
        if waits:
            _WAITING.release()
    tag = outcomes.tag_of(context, found)
    answer = Response(status=304) if tag == known else _outcome(case, found)
    answer.headers["ETag"] = tag
    if waits:
        answer.headers["Preference-Applied"] = f"wait={seconds}"
    return answer


def _outcome(case: str, found: CaseOutcome) -> Response:
    return _said(
        OutcomeAnswer(
            case=case,
            policy=found.policy,
            contacts=[ContactsAnswer.model_validate(asdict(each)) for each in found.contacts],
            proven=[ProvenAnswer.model_validate(asdict(each)) for each in found.proven],
        )
    )


def describe() -> ResponseReturnValue:
    """The description of all this for programs: OpenAPI 3.1."""
    return Response(openapi.document(here().site.url), content_type="application/json")


def manual() -> ResponseReturnValue:
    """The same for people."""
    return fill(
        "api_v1.html",
        phrase("The API for case systems"),
        operations=openapi.OPERATIONS,
        problems=[(code.value, status.value, at_page(code)) for code, status in STATUS.items()],
        faults=[(code.value, at_page(code)) for code in BodyProblem],
        root=ROOT,
    )


def _program() -> TokenRow:
    found = here().program
    return abort(401) if found is None else found


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise PushRefusedError(ApiProblem.KEY_NEEDED)
    return key


def _body(largest: int) -> bytes:
    """The body, read to its end: one that was cut off on its way is none."""
    if request.mimetype != "application/json":
        raise PushRefusedError(ApiProblem.NOT_JSON_TYPE)
    request.max_content_length = largest
    return request.get_data(cache=False)


def _taken(pushed: TakenPush, *, single: bool) -> Response:
    row = pushed.change
    answer = _said(
        PushedAnswer(
            change=row.uid,
            state=row.state,
            accepted_at=row.accepted_at.isoformat(),
            cases=row.cases,
            changed=row.changed,
            items=[CaseAnswer(case=each.address, etag=each.etag) for each in pushed.cases],
        ),
        202,
    )
    answer.headers["Location"] = f"{ROOT}/changes/{row.uid}"
    etag = pushed.cases[0].etag
    if single and etag is not None:
        answer.headers["ETag"] = etag
    return answer


def _said(model: BaseModel, status: int = 200) -> Response:
    return Response(model.model_dump_json(), status=status, content_type="application/json")
