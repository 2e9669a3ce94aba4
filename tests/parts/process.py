"""A child process that says when it is ready and ends with whoever started it; no word on what runs in it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep

READY_STEP_SECONDS = 0.01
READY_STEPS = 6_000
STOP_SECONDS = 10.0

_GUARD = 'read -r _; kill -s "$1" "$2" 2>/dev/null; [ -z "$3" ] || { sleep 1; rm -rf -- "$3"; }'


class StartError(Exception):
    """A process ended, or kept silent, before it was ready; `str()` carries the end of its log."""


class Child:
    """A running process in a session of its own.

    A shell waits on a pipe that only we hold: when we are gone, killed included, it ends the process and
    removes `litter`. A parent-death signal would do the same, but on Linux only, and would fire already when
    the thread that started the process ends.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: tuple[int, int] | None = None,
        litter: Path | None = None,
    ) -> None:
        """Start `argv`, its output added to the end of `log_path`; user: (uid, gid) to run as, root only."""
        self._stop_signal = stop_signal
        self.log_path = log_path
        self._log_start = log_path.stat().st_size if log_path.exists() else 0
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                cwd=cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user and user[0],
                group=user and user[1],
                extra_groups=[] if user else None,
            )
        name = stop_signal.name.removeprefix("SIG")
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", name, str(self.pid), str(litter or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process's own id (not the guard's)."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def log_since_start(self) -> str:
        """What it has written since it was started; several processes may share one log, one after the other."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return once `ready()`; raise StartError if the process ends before that or takes more than 60 s."""
        for _ in range(READY_STEPS):
            if ready():
                return
            if not self.alive:
                break
            sleep(READY_STEP_SECONDS)
        self.stop()
        raise StartError(self.log_since_start()[-2_000:] or "it ended without a word")

    def stop(self) -> None:
        """End it, politely first; it being gone already is fine."""
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin:
            self._guard.stdin.close()
        if self.alive:
            self._process.send_signal(self._stop_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def lesser_user() -> tuple[int, int] | None:
    """(uid, gid) of `nobody` for root, since some servers refuse to run as root; None for anybody else."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


@contextmanager
def folder_for(user: tuple[int, int] | None, name: str) -> Iterator[Path]:
    """A temporary folder of this user's, gone afterwards: the folders of pytest are closed to all but who runs it."""
    folder = Path(tempfile.mkdtemp(prefix=f"closeout-{name}-"))
    if user:
        os.chown(folder, *user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_as(
    user: tuple[int, int] | None,
    argv: Sequence[str],
    cwd: Path,
    *,
    environment: Mapping[str, str] | None = None,
    said: bytes = b"",
    seconds: float = 120.0,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; what it wrote, errors too, is its `stdout`. said: what it reads."""
    return subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        input=said,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
        user=user and user[0],
        group=user and user[1],
        extra_groups=[] if user else None,
    )


def free_port() -> int:
    """Return a loopback port that was free a moment ago; whoever uses it must be ready to try another."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
