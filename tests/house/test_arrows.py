"""The contracts on imports hold for files that do not exist yet: what a newcomer would add is refused, and by name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_new_adapter_that_takes_a_way_around_the_door_or_knows_the_server_is_refused(tmp_path):
    for name in ("server", "mdm_adapters"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "static", "templates")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "mdm_adapters" / "newcomer.py").write_text("import requests\n\nimport server.core.model\n")
    (tmp_path / "server" / "work" / "newcomer.py").write_text("import mdm_adapters.carddav\nimport sqlalchemy\n")
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    judged = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 1, judged.stdout + judged.stderr
    for refused in (
        "mdm_adapters.newcomer is not allowed to import requests",
        "mdm_adapters.newcomer -> server.core.model",
        "server.work.newcomer -> mdm_adapters.carddav",
        "server.work.newcomer -> sqlalchemy",
    ):
        assert refused in judged.stdout, judged.stdout
