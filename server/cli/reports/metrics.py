"""The command `metrics`: what monitoring is told, for machines where nothing asks by HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from server import app
from server.cli.session import Session, with_session
from server.core.text import phrase
from server.render.answers import Answer
from server.render.reports.metrics import as_text_file
from server.work.reports import metrics as measuring


@click.command("metrics")
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File ending in .prom for the textfile collector of node_exporter; else they are printed.",
)
@with_session
def metrics(session: Session, file: Path | None) -> None:
    """Print the metrics for Prometheus, or put them into a file, whole or not at all."""
    with session.context() as context:
        text = as_text_file(measuring.collect(context))
    if file is None:
        click.echo(text, nl=False)
        return
    app.put_whole(file, text, mode=0o644)
    session.answer(Answer(ok=True, title=phrase("The metrics are in {file}.", file=file.name), key="metrics_written"))
