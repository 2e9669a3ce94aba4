"""Names this process so that others on the machine can tell whether it still runs; only `/proc` is read here."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

_PROC = Path("/proc")


def name_this_process() -> str:
    """`machine/process/start.boot.space.random`: what a lease and the log call this process."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_started(pid)}.{_boot()}.{_space()}.{secrets.token_hex(4)}"


def has_ended(name: str, *, one_machine: bool) -> bool:
    """Whether the process of that name is known to run no more; False if it runs, is halted, or cannot be told.

    It can be told of a process that this machine started, in the same space of process numbers. one_machine: the
    database is a file, so that all processes are of one machine, and what ran before it was started again is gone.
    """
    _, pid, rest = (*name.split("/"), "", "", "")[:3]
    started, boot, space, *_ = (*rest.split("."), "", "", "")
    if not (pid.isdecimal() and started.isdecimal() and boot and space and _boot() and _space()):
        return False
    if boot != _boot():
        return one_machine
    return space == _space() and _started(int(pid)) != started


def runs_here(name: str) -> bool:
    """Whether the process of that name is seen to run on this machine."""
    _, pid, rest = (*name.split("/"), "", "", "")[:3]
    started, boot, space, *_ = (*rest.split("."), "", "", "")
    here = bool(boot and space) and (boot, space) == (_boot(), _space())
    return here and pid.isdecimal() and _started(int(pid)) == started != ""


def _started(pid: int) -> str:
    """When a process began, in ticks since the machine did; "": there is no such process, or it only waits to be
    buried.
    """
    try:
        # The name of the program, in brackets, may hold anything.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    except (OSError, IndexError):
        return ""


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip().replace("-", "")[:12]
    except OSError:
        return ""


def _space() -> str:
    try:
        return "".join(sign for sign in str((_PROC / "self/ns/pid").readlink()) if sign.isdecimal())
    except OSError:
        return ""
