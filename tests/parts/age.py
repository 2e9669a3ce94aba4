"""The official `age` and `age-keygen` (filippo.io/age), built with Go from the module proxy; no pytest here."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.parts import go_programs

_SOURCE = Path(__file__).parent / "golang_age"


def built(name: str) -> Path:
    """The program of that name; PartMissingError without Go."""
    return go_programs.built(_SOURCE, name, f"filippo.io/age/cmd/{name}")


@dataclass(frozen=True, slots=True)
class AgeKey:
    """A pair made by `age-keygen`. file: the private key. recipient: the public one."""

    file: Path
    recipient: str


def keygen(folder: Path, name: str = "key") -> AgeKey:
    """A new pair, its private key in a file of that folder."""
    file = folder / f"{name}.txt"
    subprocess.run([built("age-keygen"), "-o", file], check=True, capture_output=True)
    shown = subprocess.run([built("age-keygen"), "-y", file], check=True, capture_output=True, text=True)
    return AgeKey(file, shown.stdout.strip())


def decrypt(key: AgeKey, file: Path, to: Path) -> None:
    """What `age` makes of a file with that private key; CalledProcessError if it refuses."""
    subprocess.run([built("age"), "--decrypt", "-i", key.file, "-o", to, file], check=True, capture_output=True)


def encrypt(recipient: str, file: Path, to: Path) -> None:
    """A file that `age` encrypted to that public key."""
    subprocess.run([built("age"), "--encrypt", "-r", recipient, "-o", to, file], check=True, capture_output=True)
