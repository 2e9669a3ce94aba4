"""Which keys of an identity provider's set can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server.web.oidc import usable_keys


def read(path: Path, given: dict[str, Any]) -> list[str]:
    """The key ids, in order. given: nothing is needed."""
    return [key["kid"] for key in usable_keys(json.loads(path.read_text("utf-8")))["keys"]]
