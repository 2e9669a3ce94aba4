"""Receipts issued: what the log proves of single removals, for an item, a closed case or an inspector's sample.

What is postponed, unknown or not proven yet has no receipt, and is told apart by nothing: not by an answer, an entry
of the log, or the time that it takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mdm_adapters.port import FieldKind
from server.core.identity.reading import registered
from server.core.log.checkpoints import Checkpoint, parse_verifier_key
from server.core.log.entries import Body, EntryKind, read_entry
from server.core.log.merkle import KeptTree
from server.core.log.receipts import (
    ContactOpening,
    ProvenRemoval,
    ReceiptChecker,
    RemovalReceipt,
    make_receipt,
    write_receipt,
)
from server.core.log.witness_policy import WitnessPolicy
from server.core.model import CLEARED_FOR_CASES, Role
from server.core.problems import DecisionProblem, DecisionRefusedError
from server.core.reports.sample import draw
from server.store import log
from server.store.database import Connection
from server.store.removal import deviations_and_holds, proofs
from server.work.admin import log_checkpoints, log_witnesses
from server.work.admin.log_export import MAY_EXPORT
from server.work.context import Context
from server.work.removal.statements import contact_key
from server.work.reports.counted import require_seed

MAY_ISSUE = MAY_EXPORT
"""A receipt names no worker, client, case or hold."""
_AT_ONCE = 2_000
"""Receipts made between two looks into the database."""


@dataclass(frozen=True, slots=True)
class WantedReceipts:
    """Which receipts: of items or orders by their opaque ids; of a case; or so many, drawn with a seed.

    seed: the inspector's word; without one, the root of the head, which nobody picks. since, until: of a sample, proven
    from then on and before then.
    """

    ids: tuple[str, ...] = ()
    case: str | None = field(default=None, repr=False)
    sample: int | None = None
    seed: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def mode(self) -> str:
        """What was asked for, as the log says it."""
        return "case" if self.case is not None else "sample" if self.sample is not None else "item"


@dataclass(frozen=True, slots=True)
class Issued:
    """count: receipts. size: entries of the newest head. population: what a sample was drawn from; seed: with what."""

    count: int
    size: int
    population: int = 0
    seed: str = ""


def issue(context: Context, role: Role, wanted: WantedReceipts, put: Callable[[str, str], None]) -> Issued:
    """Make receipts and hand each to `put` (order's id, text), in order; that they were issued is an entry.

    Every one is held against its head before it goes out. Raises DecisionRefusedError (NOT_CLEARED),
    SeedRefusedError, BadReceipt where the log is not what its head vouches for, and what `put` raises.
    """
    allowed = CLEARED_FOR_CASES if wanted.case is not None else MAY_ISSUE
    if role not in allowed:
        with context.store.write() as connection:
            body: Body = {"what": "receipts", "actor_role": role.value}
            log.append(connection, context.now(), [(EntryKind.REFUSED, body)])
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    require_seed(wanted.seed)
    heads = _heads(context)
    size = heads[-1][1].size if heads else 0
    if wanted.sample is not None and wanted.seed is None:
        wanted = replace(wanted, seed=heads[-1][1].root.hex() if heads else "")
    key = parse_verifier_key(log_checkpoints.verifier_key(context))
    checker = ReceiptChecker(key, WitnessPolicy(context.log_witnesses.witnesses))
    count = 0
    with context.store.read() as connection:
        chosen, population = _choose(connection, wanted, size)
        for order, receipt in _make(connection, chosen, heads):
            checker.check(receipt)
            put(order, write_receipt(receipt))
            count += 1
    issued = Issued(count, size, population, wanted.seed or "")
    _enter(context, role, wanted, issued)
    return issued


def draw_at(
    context: Context, connection: Connection, wanted: WantedReceipts, head: tuple[str, Checkpoint]
) -> tuple[int, str, Iterator[tuple[str, str]]]:
    """Receipts against one signed head, so the same each time: what a sample is drawn from, its seed, and order and
    text, in order, as they are made. Raises as `issue` does, but for the role, which the caller has asked about.
    """
    require_seed(wanted.seed)
    if wanted.sample is not None and wanted.seed is None:
        wanted = replace(wanted, seed=head[1].root.hex())
    checker = ReceiptChecker(parse_verifier_key(log_checkpoints.verifier_key(context)), WitnessPolicy())
    chosen, population = _choose(connection, wanted, head[1].size)

    def made() -> Iterator[tuple[str, str]]:
        for order, receipt in _make(connection, chosen, [head]):
            checker.check(receipt)
            yield order, write_receipt(receipt)

    return population, wanted.seed or "", made()


def heads_to_prove(context: Context) -> Sequence[tuple[str, Checkpoint]]:
    """As `issue` proves against: one that enough witnesses cosigned, if there is one, and then the newest."""
    return _heads(context)


def _enter(context: Context, role: Role, wanted: WantedReceipts, issued: Issued) -> None:
    body: dict[str, str | int] = {"report": "receipts", "mode": wanted.mode, "count": issued.count}
    body |= {"size": issued.size, "actor_role": role.value}
    if wanted.sample is not None:
        body["seed"] = issued.seed
    with context.store.write() as connection:
        log.append(connection, context.now(), [(EntryKind.REPORT_MADE, body)])
        if wanted.case is not None:
            said = f"receipts of case {wanted.case} issued to {role.value}"
            log.append_restricted(connection, context.now(), context.keys.sealer, [said])


def _heads(context: Context) -> Sequence[tuple[str, Checkpoint]]:
    """The heads that receipts are proven against: one that enough witnesses cosigned, if there is one, and the newest.

    Where our log cannot be proven to extend the head before, none is made for it.
    """
    log_checkpoints.write_checkpoint(context)
    log_witnesses.tend(context)
    newest, cosigned = log_checkpoints.newest_note(context), log_witnesses.newest_cosigned(context)
    return [each for each in (cosigned, newest) if each is not None]


def _choose(
    connection: Connection, wanted: WantedReceipts, size: int
) -> tuple[Sequence[tuple[str, Sequence[int]]], int]:
    """Orders with the numbers of their entries, by these; and how many a sample was drawn from."""
    if wanted.case is not None:
        ids = proofs.with_proof(connection, cases=deviations_and_holds.case_ids(connection, wanted.case))
    elif wanted.sample is not None:
        ids = proofs.with_proof(connection, since=wanted.since, until=wanted.until, before=size)
    else:
        # Whatever the id is of, all that there are of items are gone through.
        of_items = [order for each in wanted.ids for order in proofs.of_item(connection, each)]
        ids = [*proofs.with_proof(connection, ids=wanted.ids), *of_items]
    drawn = ids if wanted.sample is None else draw(ids, wanted.sample, wanted.seed or "")
    entries = proofs.entries_of(connection, list(dict.fromkeys(drawn)))
    return sorted(entries.items(), key=lambda each: each[1][0]), len(ids)


def _make(
    connection: Connection, chosen: Sequence[tuple[str, Sequence[int]]], heads: Sequence[tuple[str, Checkpoint]]
) -> Iterator[tuple[str, RemovalReceipt]]:
    """Of those orders whose proof a head vouches for."""
    tree = KeptTree(lambda level, number: log.tile(connection, level, number))
    told = {digest: json.loads(text) for digest, text in proofs.statements(connection).items()}
    for start in range(0, len(chosen), _AT_ONCE):
        part = chosen[start : start + _AT_ONCE]
        texts = log.texts_at(connection, [seq for _, numbers in part for seq in numbers])
        for order, numbers in part:
            vouching = next(((note, head) for note, head in heads if numbers[0] < head.size), None)
            lines = [(seq, texts[seq]) for seq in numbers if seq in texts]
            if vouching is None or not lines:
                continue
            statement = told.get(str(read_entry(lines[0][1]).body.get("digest")), {})
            yield order, make_receipt(lines, vouching[0], vouching[1].size, tree.inclusion, statement)


# --- whose contact it is ------------------------------------------------------------------------------------------


def open_contact(context: Context, role: Role, removal: ProvenRemoval, contact: str) -> ContactOpening | None:
    """What shows that a receipt is about this number or address; None: it is about another. A read, in the log.

    removal: of our own log. Raises DecisionRefusedError (NOT_CLEARED).
    """
    with context.store.write() as connection:
        if role not in CLEARED_FOR_CASES:
            body: Body = {"what": "receipt_opened", "actor_role": role.value}
            log.append(connection, context.now(), [(EntryKind.REFUSED, body)])
        else:
            said = f"receipt {removal.order} held against a contact by {role.value}"
            log.append_restricted(connection, context.now(), context.keys.sealer, [said])
    if role not in CLEARED_FOR_CASES:
        raise DecisionRefusedError(DecisionProblem.NOT_CLEARED)
    key = contact_key(context, removal.order)
    for kind in (FieldKind.PHONE, FieldKind.EMAIL):
        for token in context.keys.tokeniser.tokens(registered(contact, kind)):
            opening = ContactOpening(removal.order, key, token)
            if opening.opens(removal):
                return opening
    return None
