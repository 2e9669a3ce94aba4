"""Starts the command `closeout`; nothing else."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command with this process's arguments and variables; ends the process."""
    from server.cli import run_command

    sys.exit(run_command(sys.argv[1:], os.environ))


if __name__ == "__main__":
    main()
