"""Starts the command `closeout`; nothing else."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command with this process's arguments and variables; ends the process."""
    status = 130
    # Whatever is written, by us or by SQLite, is for its owner alone, whatever the shell or the service says.
    os.umask(0o077)
    try:
        _make_streams_safe()
        from server.cli import run_command
        from server.cli.journal import keep_tracebacks_out

        keep_tracebacks_out(as_json=os.environ.get("CLOSEOUT_LOG_FORMAT") == "json")
        status = run_command(sys.argv[1:], os.environ)
    except KeyboardInterrupt:
        pass  # so early or so late that nobody was there to say it
    _let_go()
    sys.exit(status)


def _make_streams_safe() -> None:
    """A sign that a terminal does not know must not cost the reader the answer."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _let_go() -> None:
    """Write out what is left; what nobody takes goes nowhere, without Python's own word about it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    main()
