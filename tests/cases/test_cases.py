"""Every case from the wild comes out right: the folders beside this file, one input and its right value at a time."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

HERE = Path(__file__).parent
KEYS = {"what", "given", "input", "right", "right_any", "not_yet"}
FOLDERS = sorted(path for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__")
SIDECARS = [path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))]


def told(sidecar: Path) -> dict[str, Any]:
    found = YAML(typ="safe").load(sidecar)
    assert isinstance(found, dict)
    return found


def input_of(sidecar: Path) -> Path | None:
    """The file beside a sidecar that it is about; None: there is none."""
    found = [path for path in sidecar.parent.glob(f"{sidecar.stem}.*") if path != sidecar]
    assert len(found) < 2, found
    return found[0] if found else None


def case_of(sidecar: Path) -> Any:
    reason = told(sidecar).get("not_yet")
    marks = [pytest.mark.xfail(strict=True, reason=str(reason))] if reason else []
    return pytest.param(sidecar, id=f"{sidecar.parent.name}/{sidecar.stem}", marks=marks)


@pytest.mark.parametrize("sidecar", [case_of(sidecar) for sidecar in SIDECARS])
def test_a_case_from_the_wild_comes_out_right(sidecar, tmp_path):
    case = told(sidecar)
    path = input_of(sidecar)
    if path is None:
        path = tmp_path / sidecar.stem
        path.write_text(case["input"], "utf-8", newline="")
    came_to = import_module(f"tests.cases.read_{sidecar.parent.name}").read(path, case.get("given", {}))
    if "right_any" in case:
        assert came_to in case["right_any"], case["what"]
    else:
        assert came_to == case["right"], case["what"]


@pytest.mark.parametrize("sidecar", SIDECARS, ids=lambda sidecar: f"{sidecar.parent.name}/{sidecar.stem}")
def test_a_sidecar_says_what_it_is_about_and_what_is_right(sidecar):
    case = told(sidecar)
    assert set(case) <= KEYS
    assert isinstance(case["what"], str)
    assert ("right" in case) != ("right_any" in case)
    assert ("input" in case) != (input_of(sidecar) is not None)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_input_lies_without_its_right_value(folder):
    about = {input_of(sidecar) for sidecar in folder.glob("*.yaml")}
    assert [path for path in folder.iterdir() if path.suffix not in {".yaml", ".pyc"} and path not in about] == []
