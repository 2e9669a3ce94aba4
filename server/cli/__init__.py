"""The command `closeout`: reads arguments and variables, calls one act, tells its answer; decides nothing.

The only room that reads the environment. Heavy imports wait until a command runs, so help comes at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from server.cli.commands import closeout
from server.cli.speech import language_of, translated


def run_command(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit status: 0 done, 1 not done (the answer says why), 2 not understood."""
    command = translated(closeout, language_of(arguments, environ))
    try:
        # Not standalone, click hands back the status of an Exit instead of ending the process.
        status = command.main(list(arguments), prog_name="closeout", standalone_mode=False, obj=dict(environ))
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    return status if isinstance(status, int) else 0
