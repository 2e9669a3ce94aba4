"""`closeout policy`: faults, examples and decisions of a policy file."""

from __future__ import annotations

from pathlib import Path

import click

from server import app
from server.cli.answers import policy_lint as tell_lint
from server.cli.answers import removal as tell_removal
from server.cli.answers import setup as tell_setup
from server.cli.answers.refusals import refusals
from server.cli.session import FILE, Session, with_session
from server.core.days import AMSTERDAM
from server.core.policy.collisions import collide, every
from server.core.policy.contradictions import contradictions
from server.core.policy.load import policy_of
from server.core.policy.schema import json_schema
from server.core.text import Text, phrase
from server.core.usage.evidence_contradictions import evidence_contradictions
from server.store.database import StoreUnavailableError
from server.work.removal import plan as planning


@click.command("check")
@click.argument("file", required=False, type=FILE)
@with_session
def policy_check(session: Session, file: Path | None) -> None:
    """List all faults of a policy file at once, with line and fix; without a file, of the one in force."""
    chosen = file or app.policy_file(session.settings)
    try:
        checked = app.check_policy(chosen)
    except app.PolicyRefused:
        session.fail("policy_unreadable", phrase("The policy file cannot be read: {file}", file=chosen.name))
    lines: tuple[Text, ...] = ()
    store = app.open_store(session.settings)
    try:
        store.check()
        if checked.document is not None:
            with store.read() as connection:
                lines = tell_removal.unplanned(planning.unplanned_under(checked.document.policy, connection))
    except StoreUnavailableError:
        pass  # a policy can be written before there is an installation
    finally:
        store.close()
    session.answer(tell_setup.policy_checked(checked, app.system_clock().date(), lines))


@click.command("lint")
@click.argument("file", required=False, type=FILE)
@click.option("--evidence", type=FILE, help="Rules about evidence to look at with it. Without: those in force.")
@click.option("--channels", type=FILE, help="A catalogue of channels to look at with it. Without: that in force.")
@with_session
def policy_lint(session: Session, file: Path | None, evidence: Path | None, channels: Path | None) -> None:
    """Find which rules meet, contradict each other, never decide or leave a gap, each with a case.

    Without a file it looks at the policy in force. Also at one with faults, as long as every rule is well formed. Ends
    with status 1 where a contradiction is found that the policy does not accept by name.
    """
    chosen = file or app.policy_file(session.settings)
    try:
        checked = app.check_policy(chosen)
        rules, catalogue = app.read_evidence(session.settings, evidence), app.read_catalogue(session.settings, channels)
    except app.PolicyRefused as refused:
        session.fail("policy_unreadable", phrase("The policy file cannot be read: {file}", file=str(refused)))
    if checked.content is None:
        session.answer(tell_setup.policy_checked(checked, app.system_clock().date()))
    policy = policy_of(checked.content)
    tried = every(policy)
    found = (
        *contradictions(checked.content, policy, tried),
        *evidence_contradictions(rules, catalogue, app.system_clock().astimezone(AMSTERDAM).date()),
    )
    answer = tell_lint.linted(checked.content, policy, collide(tried), found, session.words.language)
    session.answer(answer, status=int(answer.key != "policy_without_contradictions"))


@click.command("test")
@click.argument("file", required=False, type=FILE)
@with_session
def policy_test(session: Session, file: Path | None) -> None:
    """Run the examples that a policy carries, each at its own moment."""
    chosen = file or app.policy_file(session.settings)
    try:
        checked = app.check_policy(chosen)
    except app.PolicyRefused:
        session.fail("policy_unreadable", phrase("The policy file cannot be read: {file}", file=chosen.name))
    session.answer(tell_setup.policy_tested(checked, session.words.language))


@click.command("explain")
@click.argument("case")
@click.argument("worker")
@with_session
def policy_explain(session: Session, case: str, worker: str) -> None:
    """Say which rule decided about a case's contacts with a worker, and why; for those cleared for cases."""
    with session.context() as context, refusals(session):
        role = session.role(context)
        facts = planning.facts_of(context, role, case=case, worker=worker)
        answer = tell_setup.explained(
            facts, app.read_policy(session.settings), role, context.now(), session.words.language
        )
    session.answer(answer)


@click.command("schema")
def policy_schema() -> None:
    """Print the JSON Schema of a policy, for editors."""
    click.echo(json_schema(), nl=False)
