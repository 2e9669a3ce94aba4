"""The command `metrics`: what monitoring is told, for machines where nothing asks by HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from server import app
from server.cli.session import Session, with_session
from server.core.reports.metrics import MetricValue
from server.core.tables import Column, Section
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
        values = measuring.collect(context)
    if file is not None:
        app.put_whole(file, as_text_file(values), mode=0o644)
        title = phrase("The metrics are in {file}.", file=file.name)
        session.answer(Answer(ok=True, title=title, key="metrics_written"))
    if session.json:
        session.answer(
            Answer(
                ok=True, title=phrase("This is what monitoring receives."), sections=(_table(values),), key="metrics"
            )
        )
    click.echo(as_text_file(values), nl=False)


def _table(values: Sequence[MetricValue]) -> Section:
    return Section(
        "metrics",
        phrase("What monitoring receives"),
        columns=(
            Column("metric", phrase("Metric")),
            Column("labels", phrase("Labels")),
            Column("value", phrase("Value")),
        ),
        rows=tuple((each.name, " ".join(each.labels), f"{each.value:g}") for each in values),
    )
