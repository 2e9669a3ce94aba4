"""One request that a simulator was asked, and its answer; what is right about them is said elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. path: from the version on, its segments still escaped."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    status: int
    said: Any
    said_headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    """Of what was asked; a body that is bytes is taken as it is."""
