"""Holds what a simulator was asked and what it said against a vendor's published OpenAPI document."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ruamel.yaml import YAML

from tests.vendors.exchange import Exchange

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from openapi_core import OpenAPI
    from openapi_core.datatypes import RequestParameters
    from openapi_core.exceptions import OpenAPIError
    from werkzeug.datastructures import Headers, ImmutableMultiDict


_ENOUGH = 8


@dataclass(frozen=True)
class _Request:
    host_url: str
    path: str
    method: str
    parameters: RequestParameters
    content_type: str
    body: bytes | None


@dataclass(frozen=True)
class _Response:
    status_code: int
    content_type: str
    headers: Mapping[str, str]
    data: bytes


class Published:
    """One document, in JSON or YAML. base: the address of its server, version included."""

    def __init__(self, file: Path, base: str) -> None:
        self._file, self._host = file, "/".join(base.split("/")[:3])
        self._base = "".join(f"/{each}" for each in base.split("/")[3:])

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document itself."""
        # A "one of" in these fragments names no field that tells its forms apart, so what is one form fits the others.
        text = self._file.read_text("utf-8").replace('"oneOf"', '"anyOf"')
        found: dict[str, Any] = YAML(typ="safe").load(text) if self._file.suffix == ".yaml" else json.loads(text)
        return found

    @cached_property
    def _api(self) -> OpenAPI:
        return OpenAPI.from_dict(self.document)

    def complaints(self, exchanges: Iterable[Exchange]) -> list[str]:
        """What does not fit, each as "METHOD /path: why"; the first few of each kind are looked at."""
        found: list[str] = []
        like: Counter[tuple[object, ...]] = Counter()
        for each in exchanges:
            kind = (each.method, self._template(each), each.status, *sorted(each.query), *_names(each.body))
            like[kind] += 1
            if like[kind] > _ENOUGH:
                continue
            request = _Request(
                self._host,
                self._base + each.path,
                each.method.lower(),
                RequestParameters(
                    query=ImmutableMultiDict(each.query),
                    header=Headers({"authorization": "Bearer token", **each.headers}),
                ),
                each.content_type,
                each.body if isinstance(each.body, bytes | None) else json.dumps(each.body).encode(),
            )
            body = json.dumps(each.said).encode() if each.said is not None else b""
            response = _Response(each.status, "application/json", dict(each.said_headers), body)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._api.validate_request(request)
                    self._api.validate_response(request, response)
            except OpenAPIError as error:
                found.append(
                    f"{each.method} {each.path}?{urlencode(each.query)} {each.status}: {error!r} {_why(error)}"
                )
            found += self._strangers(each)
        return found

    def _template(self, each: Exchange) -> str | None:
        # The most concrete path first: ".../contacts/delta" is no contact.
        fitting = [template for template in self.document["paths"] if _fits(template, each.path)]
        return min(fitting, key=lambda template: template.count("{"), default=None)

    def _strangers(self, each: Exchange) -> Iterable[str]:
        """Query parameters that the document does not name (it allows any)."""
        template = self._template(each)
        item = self.document["paths"].get(template, {})
        listed = [*item.get("parameters", ()), *item.get(each.method.lower(), {}).get("parameters", ())]
        named = {self._found(one)["name"] for one in listed}
        return [f"{each.method} {template}: {name}" for name in each.query if template and name not in named]

    def _found(self, item: dict[str, Any]) -> dict[str, Any]:
        found: Any = self.document
        if "$ref" not in item:
            return item
        for step in item["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return dict(found)


def _names(body: Any) -> list[str]:
    return sorted(body) if isinstance(body, dict) else [type(body).__name__]


def _fits(template: str, path: str) -> bool:
    parts, found = template.split("/"), path.split("/")
    return len(parts) == len(found) and all(
        part.startswith("{") or part == other for part, other in zip(parts, found, strict=True)
    )


def _why(error: BaseException) -> str:
    causes = getattr(error.__cause__, "schema_errors", ()) or [error.__cause__]
    return "; ".join(str(cause).splitlines()[0] for cause in causes if cause is not None)
