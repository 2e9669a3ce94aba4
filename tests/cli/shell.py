"""Somebody at the command line of a demo with seven workers, reading answers as programs do; no test lives here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.cli import run_command


class Shell:
    """One installation, in a folder of its own."""

    def __init__(self, folder: Path, capture: Callable[[], Any]) -> None:
        self.folder, self.capture = folder, capture
        self.environ = {"CLOSEOUT_HOME": str(folder / "installation"), "LANG": "en"}

    def say(self, *arguments: str) -> tuple[int, Any]:
        self.capture()
        status = run_command(["--json", *arguments], self.environ)
        return status, json.loads(self.capture().out)

    def must(self, *arguments: str) -> Any:
        status, told = self.say(*arguments)
        assert status == 0, told
        return told
