"""The demo runs with what its lock file installs, and nothing of what only tests need."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHOUT = """
import json, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(name)

MISSING = set(json.loads(sys.argv[1]))
sys.meta_path.insert(0, Missing())
import tests.demo, tests.vtaa
"""


def known_as(name: str) -> str:
    """A distribution as indexes know it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_demo_loads_nothing_that_its_lock_does_not_install():
    lock = (ROOT / "requirements-demo.lock").read_text("utf-8")
    installed = {known_as(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)} | {"closeout"}
    missing = [
        package
        for package, owners in packages_distributions().items()
        if not installed & set(map(known_as, owners)) and package not in sys.stdlib_module_names
    ]
    assert "pytest" in missing
    said = subprocess.run(
        [sys.executable, "-c", WITHOUT, json.dumps(missing)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr
