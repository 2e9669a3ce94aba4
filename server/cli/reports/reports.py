"""The commands that make reports as files: one for each sort there is, the same options for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from server import app
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.model import Role
from server.core.reports.document import Report, as_report_only
from server.core.tables import Column, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.render.formats import FORMATS, file_name
from server.work.reports.catalogue import REPORTS, Make, usual_period
from server.work.reports.counted import SeedRefusedError, draw_sample

ENDINGS = tuple(FORMATS)
"""In which forms a report is written."""

_first = click.option("--from", "first", type=DAY, help="First day (2026-01-31).")
_last = click.option("--until", "last", type=DAY, help="Last day.")
_out = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder to write to."
)
_endings = click.option(
    "--format", "endings", type=click.Choice(ENDINGS), multiple=True, help="Only this form; repeatable."
)


def _command(key: str) -> click.Command:
    @click.command(key)
    @_first
    @_last
    @_out
    @_endings
    @with_session
    def make(
        session: Session, first: datetime | None, last: datetime | None, out: Path, endings: tuple[str, ...]
    ) -> None:
        _make(session, key, first, last, out, endings)

    return make


@click.command("sample")
@_first
@_last
@_out
@_endings
@click.option("--size", default=25, show_default=True, type=click.IntRange(1, 1000), help="How many removals to draw.")
@click.option("--seed", help="The inspector's seed for the sample; without one, the checkpoint of the log.")
@with_session
def sample(
    session: Session,
    first: datetime | None,
    last: datetime | None,
    out: Path,
    endings: tuple[str, ...],
    size: int,
    seed: str | None,
) -> None:
    """A sample of verified removals for an inspector, which nobody picks and which can be drawn again."""
    try:
        _make(session, "sample", first, last, out, endings, partial(draw_sample, size=size, seed=seed))
    except SeedRefusedError:
        session.fail("bad_seed", phrase("A seed is a word of small letters, digits and hyphens."))


def _make(
    session: Session,
    key: str,
    first: datetime | None,
    last: datetime | None,
    out: Path,
    endings: tuple[str, ...],
    act: Make | None = None,
) -> None:
    kind = REPORTS[key]
    with session.context(phrase("Gathering facts")) as context, refusals(session), _rules(session):
        role = session.role(context)
        if role not in kind.roles:
            _refuse(session, role)
        usual = usual_period(kind.span, context.today())
        begin = first.date() if first else usual.first
        end = last.date() if last else max(usual.last, begin)
        if begin > end:
            raise click.UsageError("--from lies after --until")
        made = as_report_only((act or kind.make)(context, role, begin, end), context.policy)
        files = _write(made, session, out, endings or ENDINGS)
    session.answer(written(made, files))


def _refuse(session: Session, role: Role) -> None:
    session.fail(
        "not_for_this_role",
        phrase("This report is not for the role in which you ask: {role}.", role=role),
        phrase("Ask in another role with --as, if you have it."),
    )


@contextmanager
def _rules(session: Session) -> Iterator[None]:
    """A file of rules that has faults ends the command, and says which."""
    try:
        yield
    except app.PolicyRefused as refused:
        session.fail(
            "rules_fault", phrase("A file of rules has faults, so nothing was made from it: {file}", file=refused.file)
        )


def _write(made: Report, session: Session, folder: Path, endings: Sequence[str]) -> Sequence[Path]:
    """The report in these forms, readable by its owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for ending in dict.fromkeys(endings):
        file = folder / file_name(made, ending)
        app.put_whole(file, FORMATS[ending].write(made, session.words), mode=0o600)
        files.append(file)
    return files


def written(made: Report, files: Sequence[Path]) -> Answer:
    """After a report: its key figures and where it lies."""
    figures = Section(
        "figures",
        made.title,
        columns=(
            Column("figure", phrase("Figure")),
            Column("value", phrase("Value")),
            Column("coverage", phrase("Seen")),
        ),
        rows=tuple((figure.label, phrase("{value}", value=figure.value), figure.coverage) for figure in made.figures),
    )
    return Answer(
        ok=True,
        title=phrase("The report is written."),
        lines=(made.caveat,),
        sections=(figures,),
        what_next=tuple(phrase("Open {file}", file=str(file)) for file in files),
        key="report_written",
    )


COMMANDS: Mapping[str, click.Command] = {key: _command(key) for key in REPORTS if key != sample.name}
"""By the report's key; their help stands in the table of commands."""
