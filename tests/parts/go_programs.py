"""Others' programs in Go: built once on a machine, from the module proxy, by the hashes in a go.sum; no pytest here."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.parts import PartMissingError


def built(source: Path, name: str, package: str) -> Path:
    """The program of that name, built if it is not there yet and kept in the user's cache; PartMissingError without Go.

    source: the folder of the module that names its versions. package: `.` is that module's own program, `./NAME` one
    that stands beside it.
    """
    go = shutil.which("go")
    if go is None:
        raise PartMissingError(f"{name} cannot be had here: there is no Go to build it with")
    own = source / package if package.startswith("./") else source
    files = (source / "go.mod", source / "go.sum", own / "main.go")
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in files if each.exists()))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "closeout-parts" / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    with (folder / f"{name}.lock").open("ab") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        if not program.exists():
            fresh = program.with_suffix(".fresh")
            made = subprocess.run(
                [go, "build", "-mod=readonly", "-buildvcs=false", "-o", str(fresh), package],
                cwd=source,
                env={**os.environ, "GOFLAGS": "", "CGO_ENABLED": "0"},
                capture_output=True,
                text=True,
                check=False,
            )
            if made.returncode:
                raise PartMissingError(f"{name} cannot be had here: {made.stderr[-300:]}")
            fresh.replace(program)
    return program
