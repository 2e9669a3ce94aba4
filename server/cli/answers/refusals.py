"""What an act refuses, as the answer of its command: why, where in a file, what to do; the sentences are render's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mdm_adapters.options import OptionFault
from server.cli.session import Session
from server.core.problems import ConnectionProblem, ConnectionSetupRefusedError, DecisionProblem, Problem, RefusedError
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.answers import Answer
from server.render.refusals import at_command
from server.work.mail import MailFailedError

_NEXT: Mapping[Problem, Text] = {
    ConnectionProblem.WRONG_FIELDS: phrase("See every field with: closeout connection kinds VENDOR"),
    ConnectionProblem.UNKNOWN_VENDOR: phrase("See every kind with: closeout connection kinds"),
    DecisionProblem.CASE_IN_SEVERAL: phrase("Name it with --case-system."),
}


@contextmanager
def refusals(session: Session) -> Iterator[None]:
    """End the command with the answer of what is refused within."""
    try:
        yield
    except MailFailedError as failed:
        session.fail(failed.problem.value, at_command(failed.problem))
    except RefusedError as refused:
        session.answer(refused_answer(refused))


def refused_answer(refused: RefusedError) -> Answer:
    """Why nothing was done."""
    faults = refused.faults if isinstance(refused, ConnectionSetupRefusedError) else {}
    lines = [] if refused.line is None else [phrase("Line {line} of the file.", line=refused.line)]
    if refused.field is not None and not faults:
        lines.append(phrase("Which value: {field}", field=refused.field))
    more = next((text for problem, text in _NEXT.items() if refused.problem is problem), None)
    return Answer(
        ok=False,
        title=at_command(refused.problem),
        lines=tuple(lines),
        sections=(_wrong_fields(faults),) if faults else (),
        what_next=() if more is None else (more,),
        key=refused.problem.value,
    )


def _wrong_fields(faults: Mapping[str, OptionFault]) -> Section:
    """What is wrong with the fields of a connection. A name that no vendor declares is not repeated: it may be a slip
    of the hand that holds a secret.
    """
    return Section(
        "faults",
        phrase("What is wrong"),
        columns=(Column("field", phrase("Field")), Column("fault", phrase("What to do"), Kind.CODE)),
        rows=tuple(("?" if fault is OptionFault.UNKNOWN else name, fault) for name, fault in sorted(faults.items())),
    )
