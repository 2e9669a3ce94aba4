"""Declarations as pages show them: how each holding stands and what evidence says beside it; it changes nothing.

Who looks everything over, and so opens and closes questions, is `declarations.list_declarations`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from server.core.model import Role
from server.core.text import Period
from server.core.usage import declarations as core
from server.core.usage.declarations import Declaration, Evidence, Standing
from server.core.usage.evidence_rules import EvidenceRules
from server.store.usage import declarations
from server.store.usage.declarations import CheckRow, ContestRow, DeviceNames
from server.store.usage.months import bounds, month_of
from server.work.context import Context
from server.work.usage import declarations as acts


@dataclass(frozen=True, slots=True)
class Paper:
    """How one holding stands. uid: of the signature; None: nothing was signed. talked_on: the last conversation."""

    device: DeviceNames
    standing: Standing
    uid: str | None
    talked_on: date | None
    talk_due: date

    @property
    def key(self) -> str:
        """Names the holding in addresses: our numbers of device and worker."""
        return f"{self.device.device}-{self.standing.worker}"


def read_papers(context: Context, rules: EvidenceRules) -> Sequence[Paper]:
    """Every device in use, in the order of devices; empty until everything was looked over once."""
    texts = [each.version for each in rules.texts]
    with context.store.read() as connection:
        holdings = declarations.read_holdings(connection, running_only=True)
        signed: dict[int, list[Declaration]] = {}
        for each in declarations.read_declarations(connection):
            signed.setdefault(each.worker, []).append(each)
        ids = declarations.declaration_ids(connection)
        talks = declarations.last_conversations(connection)
        names: Mapping[int, DeviceNames] = declarations.device_names(connection)
    found = []
    for holding in holdings:
        if holding.device not in names:
            continue
        standing = core.stand(holding, signed.get(holding.worker, ()), texts, rules.declarations, context.today())
        paper = standing.declaration
        talked = talks.get((holding.worker, holding.device))
        found.append(
            Paper(
                names[holding.device],
                standing,
                None if paper is None else ids.get((paper.device, paper.worker, paper.signed_on)),
                talked,
                core.conversation_due_on(talked, holding, rules.declarations),
            )
        )
    return found


def read_paper(context: Context, rules: EvidenceRules, key: str) -> Paper | None:
    """One of them, by its key; None if there is no such holding now."""
    return next((each for each in read_papers(context, rules) if each.key == key), None)


def evidence_beside(context: Context, rules: EvidenceRules, device: int) -> tuple[Period, tuple[Evidence, ...]]:
    """What evidence says of one device while its worker had it; nothing follows from it.

    The worker sees figures first: the last month is the newest that its worker has seen, or that ended long enough ago.
    """
    today = context.today()
    with context.store.read() as connection:
        seen = declarations.last_seen(connection, device)
    last = month_of(today) - 1
    while last > seen and bounds(last)[1] + timedelta(days=rules.worker_first_days) >= today:
        last -= 1
    return _of_holder(context, rules, device, last)


def own_evidence(context: Context, rules: EvidenceRules, device: int) -> tuple[Period, tuple[Evidence, ...]]:
    """The same for the worker whose device it is: up to the last month, whatever others may see."""
    return _of_holder(context, rules, device, month_of(context.today()) - 1)


def _of_holder(context: Context, rules: EvidenceRules, device: int, last: int) -> tuple[Period, tuple[Evidence, ...]]:
    with context.store.read() as connection:
        holder = declarations.device_names(connection)[device].worker
    return acts.holder_outcomes(context, rules, device, holder, last)


def read_contests(context: Context, role: Role, holder: DeviceNames) -> Sequence[ContestRow]:
    """What was written of the figures of a device, newest first; if there is anything, the look is in the log."""
    with context.store.read() as connection:
        if all(each.device != holder.device for each in declarations.read_contests(connection)):
            return ()
    rows = acts.read_contests(context, role)
    return [row for row in reversed(rows) if row.device_ref == holder.device_ref]


def read_checks(context: Context) -> Sequence[CheckRow]:
    """The periodic checks that were recorded."""
    with context.store.read() as connection:
        return declarations.read_checks(connection)
