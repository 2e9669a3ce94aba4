"""The commands that make reports as files: one for each sort there is, the same options for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.admin.notify import notify
from server.cli.session import Session
from server.core.model import Role
from server.core.reports.document import Report
from server.core.tables import Column, Section
from server.core.text import phrase

if TYPE_CHECKING:
    from server.render.answers import Answer
    from server.work.reports.catalogue import Make

ENDINGS = ("html", "pdf", "xlsx", "csv", "json")
"""In which forms a report is written; a test holds it to `server.render.formats`, which is loaded when it is needed."""
_DAY = click.DateTime(["%Y-%m-%d"])
_HELP = {
    "removals": "What was removed, what was not, and why. Without days: the last ninety.",
    "channels": "Which channels were used with whom, over whole months. Without days: the last three.",
    "quarterly": "Everything the privacy officer reports each quarter, in counts. Without days: the last quarter.",
    "council": "For works council and clients' council: no small groups. Without days: the last half-year.",
    "management": "The fixed paragraph for the management report. Without days: the last quarter.",
    "coverage": "Where was looked, and what may still be there. Without days: the last ninety.",
    "times": "How long after a closure contacts were seen to be absent. Without days: the last ninety.",
    "policies": "Which versions of the policy decided, what is in force, which gates there are.",
    "deviations": "Which reasoned exceptions stood, whose decision they were, and until when.",
    "article30": "The entry for the record of processing activities (GDPR 30), as the configuration gives it.",
    "dpia": "The annex to the impact assessment (GDPR 35), as the configuration gives it.",
    "declarations": "Declarations and what stands beside them, over whole months. Without days: the last three.",
}
"""The help of each command, by the report's key."""
with_session = click.make_pass_decorator(Session)


@click.group()
def report() -> None:
    """Reports, written as files for people and programs: HTML, PDF, XLSX, CSV and JSON, each with the same facts."""


_first = click.option("--from", "first", type=_DAY, help="First day (2026-01-31).")
_last = click.option("--until", "last", type=_DAY, help="Last day.")
_out = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Folder to write to."
)
_endings = click.option(
    "--format", "endings", type=click.Choice(ENDINGS), multiple=True, help="Only this form; repeatable."
)


def _command(key: str, text: str) -> click.Command:
    @click.command(key, help=text)
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
@click.option("--seed", help="The inspector's word, to draw with; without one, the head of the log.")
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
    """A sample of proven removals for an inspector, which nobody picks and which can be drawn again."""
    from server.work.reports.counted import SeedRefusedError, draw_sample

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
    from server.cli.answers import usage as tell_usage
    from server.work.reports.catalogue import REPORTS, usual_period

    kind = REPORTS[key]
    with session.context(phrase("Gathering facts")) as context, tell_usage.refusals(session), _rules(session):
        role = session.role(context)
        if role not in kind.roles:
            _refuse(session, role)
        usual = usual_period(kind.span, context.today())
        begin = first.date() if first else usual.first
        end = last.date() if last else max(usual.last, begin)
        if begin > end:
            raise click.UsageError("--from lies after --until")
        made = (act or kind.make)(context, role, begin, end)
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
    from server import app

    try:
        yield
    except app.PolicyRefused as refused:
        session.fail(
            "rules_fault", phrase("A file of rules has faults, so nothing was made from it: {file}", file=refused.file)
        )


def _write(made: Report, session: Session, folder: Path, endings: Sequence[str]) -> Sequence[Path]:
    """The report in these forms, readable by its owner alone."""
    from server import app
    from server.render.formats import FORMATS, file_name

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for ending in dict.fromkeys(endings):
        file = folder / file_name(made, ending)
        app.put_whole(file, FORMATS[ending].write(made, session.words), mode=0o600)
        files.append(file)
    return files


def written(made: Report, files: Sequence[Path]) -> Answer:
    """After a report: its key figures and where it lies."""
    from server.render.answers import Answer

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


def add_to(closeout: click.Group) -> None:
    """Hang these commands under the others."""
    for key, text in _HELP.items():
        report.add_command(_command(key, text))
    report.add_command(sample)
    closeout.add_command(report)
    closeout.add_command(notify)
