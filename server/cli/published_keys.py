"""What a verifier without an installation is given on the command line: a log's public key, and its witnesses."""

from __future__ import annotations

from pathlib import Path

from server.cli.session import Session
from server.core.log.checkpoints import parse_verifier_key
from server.core.log.witness_policy import BadWitnessPolicy, WitnessPolicy, read_witness_policy
from server.core.text import phrase
from server.settings import read_text_file


def read_log_key(session: Session, key: str) -> tuple[bytes, str]:
    """The log's public key and its name; ends the command if it is none."""
    try:
        return parse_verifier_key(key)
    except ValueError:
        session.fail("bad_log_key", phrase("That is no public key of a log. It begins with the log's name and a plus."))


def read_witnesses(session: Session, file: Path | None) -> WitnessPolicy:
    """The witnesses that a file names, nobody without one; ends the command if it is not valid."""
    if file is None:
        return WitnessPolicy()
    try:
        return read_witness_policy(read_text_file(file))
    except BadWitnessPolicy as bad:
        session.fail("bad_witnesses", phrase("Line {line} of {file} is not valid.", line=bad.line, file=file.name))
