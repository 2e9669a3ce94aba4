"""The description of the API, OpenAPI 3.1, from the models that bodies and answers are held to; no route is here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from server.core.problems import ApiProblem
from server.core.text import Text, phrase
from server.render.refusals import at_page
from server.sources.pushed import CONDITION, CaseBatch, CaseQuestion, PushedCase
from server.web.api_models import (
    ADDRESS,
    CaseAnswer,
    ChangeAnswer,
    OutcomeAnswer,
    ProblemAnswer,
    PushedAnswer,
    StatusAnswer,
)
from server.web.problem_json import ROOT, STATUS
from server.work.admin.access import Scope
from server.work.register.outcomes import LONGEST_WAIT

KEY_FORM = r"^[\x21-\x7e]{1,200}$"
TAG_FORM = r'^"[0-9a-f]{32}"$'
_TOKEN = "token"  # noqa: S105 - a name in the description
_ALWAYS = (ApiProblem.UNAUTHORISED, ApiProblem.OTHER_SCOPE, ApiProblem.UNAVAILABLE, ApiProblem.FAILED)
_OF_A_SYSTEM = (ApiProblem.NO_SYSTEM, ApiProblem.OTHER_EMPLOYER)
_OF_A_BODY = (ApiProblem.NOT_JSON_TYPE, ApiProblem.TOO_LARGE, ApiProblem.NOT_JSON, ApiProblem.BAD_BODY)
_OF_A_PUSH = (
    *(ApiProblem.KEY_NEEDED, ApiProblem.KEY_REUSED, ApiProblem.CONDITION_NEEDED, ApiProblem.CASE_CHANGED),
    *(ApiProblem.GATE_CLOSED, ApiProblem.STOPPED),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a program can ask. path: below the root, its parameter in braces. key: it takes an Idempotency-Key;
    condition: and an If-Match. waits: it can be asked to answer once something changed. problems: beside those that
    every operation has.
    """

    method: str
    path: str
    summary: Text
    scope: Scope
    answer: type[BaseModel]
    status: int = 200
    body: type[BaseModel] | None = None
    key: bool = False
    condition: bool = False
    waits: bool = False
    problems: tuple[ApiProblem, ...] = field(default=())


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "post",
        "/cases:find",
        phrase("Ask where a case is addressed and what its ETag is; it need not be known yet."),
        Scope.CASES,
        CaseAnswer,
        body=CaseQuestion,
        problems=(*_OF_A_SYSTEM, *_OF_A_BODY),
    ),
    Operation(
        "put",
        "/cases/{case}",
        phrase("Push one case, whole: opened, changed, closed or reopened."),
        Scope.CASES,
        PushedAnswer,
        202,
        PushedCase,
        key=True,
        condition=True,
        problems=(*_OF_A_SYSTEM, *_OF_A_BODY, *_OF_A_PUSH, ApiProblem.CONDITION_BAD, ApiProblem.OTHER_CASE),
    ),
    Operation(
        "post",
        "/cases:batch",
        phrase("Push up to 5,000 cases: all of them go in, or none."),
        Scope.CASES,
        PushedAnswer,
        202,
        CaseBatch,
        key=True,
        problems=(*_OF_A_SYSTEM, *_OF_A_BODY, *_OF_A_PUSH),
    ),
    Operation(
        "get",
        "/changes/{change}",
        phrase("See what became of a request that was pushed, for thirty days."),
        Scope.CASES,
        ChangeAnswer,
        problems=(ApiProblem.NO_SYSTEM, ApiProblem.NOT_FOUND),
    ),
    Operation(
        "get",
        "/outcomes/{case}",
        phrase("See what became of the contacts of a case: what the rules say, and what is verified at which server."),
        Scope.OUTCOMES,
        OutcomeAnswer,
        waits=True,
        problems=(*_OF_A_SYSTEM, ApiProblem.NOT_FOUND),
    ),
    Operation(
        "get",
        "/status",
        phrase("Read counts and ages for monitoring."),
        Scope.STATUS,
        StatusAnswer,
    ),
)


@lru_cache(maxsize=4)
def document(url: str) -> str:
    """The description as JSON. url: where the pages are reached."""
    models: list[type[BaseModel]] = [ProblemAnswer]
    for each in OPERATIONS:
        models += [each.answer, *([each.body] if each.body else [])]
    _, schemas = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(f"{ROOT}{each.path}", {})[each.method] = _operation(each)
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "closeout",
                "version": "1",
                "description": "What a case system pushes, and what became of it. The manual is deploy/API.md.",
            },
            "servers": [{"url": url}],
            "security": [{_TOKEN: []}],
            "paths": paths,
            "components": {
                "schemas": schemas["$defs"],
                "securitySchemes": {_TOKEN: {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _operation(each: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{each.method}_{each.path.strip('/').split('/')[0].replace(':', '_')}",
        "summary": each.summary.message,
        "description": f"Needs a token with the scope `{each.scope.value}`.",
        "parameters": _parameters(each),
        "responses": _responses(each),
    }
    if each.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _of(each.body)}}}
    return found


def _parameters(each: Operation) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    if "{" in each.path:
        name = each.path.partition("{")[2].rstrip("}")
        found.append({"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": ADDRESS}})
    if each.key:
        said = "New for each request, and the same when it is repeated: then nothing is done twice."
        schema = {"type": "string", "pattern": KEY_FORM}
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": True, "description": said, "schema": schema}
        )
    if each.condition:
        said = "Of a case that is known: its ETag as it was given last, or * for whatever it is by now."
        schema = {"type": "string", "pattern": CONDITION}
        found.append({"name": "If-Match", "in": "header", "required": False, "description": said, "schema": schema})
    if each.waits:
        said = "The ETag of the answer that is known: the same is not sent again (304)."
        schema = {"type": "string", "pattern": TAG_FORM}
        found.append(
            {"name": "If-None-Match", "in": "header", "required": False, "description": said, "schema": schema}
        )
        said = (
            f"wait=N: answer once something is another than before, after N seconds (at most {LONGEST_WAIT}) as it is. "
            "Where too many wait, at once, and without Preference-Applied."
        )
        schema = {"type": "string", "pattern": r"^wait=[0-9]{1,3}$"}
        found.append({"name": "Prefer", "in": "header", "required": False, "description": said, "schema": schema})
    return found


def _responses(each: Operation) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        str(each.status): {
            "description": each.summary.message,
            "content": {"application/json": {"schema": _of(each.answer)}},
        }
    }
    if each.waits:
        found["304"] = {"description": "It is as it was."}
    if each.status == 202:
        found["202"]["headers"] = {"Location": {"schema": {"type": "string"}, "description": "Where to look later."}}
    by_status: dict[int, list[ApiProblem]] = {}
    for code in (*_ALWAYS, *each.problems):
        by_status.setdefault(STATUS[code].value, []).append(code)
    for status, codes in sorted(by_status.items()):
        said = " ".join(f"{code.value}: {at_page(code).message}" for code in dict.fromkeys(codes))
        found[str(status)] = {
            "description": said,
            "content": {"application/problem+json": {"schema": _of(ProblemAnswer)}},
        }
    return found


def _of(model: type[BaseModel]) -> Mapping[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
