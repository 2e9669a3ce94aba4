"""Why a program's request is not done, as RFC 9457 has it: status, code, where, what to do; nothing that was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from flask import Response

from server.core.problems import ApiProblem, BodyProblem, PushRefusedError
from server.render.refusals import at_page
from server.render.words import Words
from server.sources.pushed import BodyRefused, PushFault
from server.web.api_models import FaultAnswer, ProblemAnswer

ROOT = "/api/v1"
STATUS: Mapping[ApiProblem, HTTPStatus] = {
    ApiProblem.UNAUTHORISED: HTTPStatus.UNAUTHORIZED,
    ApiProblem.OTHER_SCOPE: HTTPStatus.FORBIDDEN,
    ApiProblem.NO_SYSTEM: HTTPStatus.FORBIDDEN,
    ApiProblem.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ApiProblem.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    ApiProblem.NOT_JSON_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ApiProblem.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ApiProblem.NOT_JSON: HTTPStatus.BAD_REQUEST,
    ApiProblem.BAD_BODY: HTTPStatus.UNPROCESSABLE_ENTITY,
    ApiProblem.KEY_NEEDED: HTTPStatus.BAD_REQUEST,
    ApiProblem.KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ApiProblem.CONDITION_NEEDED: HTTPStatus.PRECONDITION_REQUIRED,
    ApiProblem.CONDITION_BAD: HTTPStatus.BAD_REQUEST,
    ApiProblem.CASE_CHANGED: HTTPStatus.PRECONDITION_FAILED,
    ApiProblem.OTHER_CASE: HTTPStatus.CONFLICT,
    ApiProblem.OTHER_EMPLOYER: HTTPStatus.FORBIDDEN,
    ApiProblem.GATE_CLOSED: HTTPStatus.FORBIDDEN,
    ApiProblem.STOPPED: HTTPStatus.CONFLICT,
    ApiProblem.TOO_OFTEN: HTTPStatus.TOO_MANY_REQUESTS,
    ApiProblem.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ApiProblem.RESTORED: HTTPStatus.SERVICE_UNAVAILABLE,
    ApiProblem.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
}
OF_STATUS: Mapping[int, ApiProblem] = {
    401: ApiProblem.UNAUTHORISED,
    403: ApiProblem.OTHER_SCOPE,
    404: ApiProblem.NOT_FOUND,
    405: ApiProblem.METHOD,
    413: ApiProblem.TOO_LARGE,
    429: ApiProblem.TOO_OFTEN,
    500: ApiProblem.FAILED,
    503: ApiProblem.UNAVAILABLE,
}
"""What an error of the application itself is; any other of a client's is a body that cannot be read."""
_NO_JSON = frozenset({BodyProblem.NOT_JSON, BodyProblem.TOO_DEEP, BodyProblem.FIELD_TWICE})


def is_api(path: str) -> bool:
    """Whether somebody asks the API, who is answered as programs are."""
    return path.startswith(f"{ROOT}/")


def problem(
    words: Words,
    code: ApiProblem,
    *,
    errors: Sequence[FaultAnswer] = (),
    pointers: Sequence[str] = (),
    change: str = "",
    number: str = "",
) -> Response:
    """The answer."""
    status = STATUS[code]
    said = ProblemAnswer(
        type=f"{ROOT}#{code.value}",
        title=status.phrase,
        status=status.value,
        code=code,
        detail=words.say(at_page(code)),
        errors=list(errors),
        pointers=list(pointers),
        change=change or None,
        number=number or None,
    )
    answer = Response(
        said.model_dump_json(exclude_defaults=True), status=status.value, content_type="application/problem+json"
    )
    if status is HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="closeout"'
    answer.headers["Content-Language"] = words.language
    return answer


def of_refused(words: Words, refused: PushRefusedError) -> Response:
    """Of what an act refused."""
    answer = problem(words, refused.problem, pointers=refused.pointers, change=refused.change)
    if refused.change:
        answer.headers["Location"] = f"{ROOT}/changes/{refused.change}"
    return answer


def of_body(words: Words, refused: BodyRefused) -> Response:
    """Of a body with faults."""
    errors = [_fault(words, each) for each in refused.faults]
    whole = any(each.code in _NO_JSON for each in errors)
    return problem(words, ApiProblem.NOT_JSON if whole else ApiProblem.BAD_BODY, errors=errors)


def _fault(words: Words, fault: PushFault) -> FaultAnswer:
    known = {each.value: each for each in BodyProblem}
    code = known.get(fault.code, BodyProblem.WRONG_FORM)
    return FaultAnswer(pointer=fault.pointer, code=code, detail=words.say(at_page(code)), name=fault.name or None)
