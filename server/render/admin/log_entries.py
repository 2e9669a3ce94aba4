"""What entries of the audit log say, in words: what happened, how often and in which role; no id and no digest.

Whoever follows one order or plan by its code reads `closeout log show --about`; here a person reads what was done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.core.log.entries import EntryKind, LogEntry
from server.core.model import Role
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Text, phrase

ENTRY_KINDS: Mapping[EntryKind, Text] = {
    EntryKind.INSTALLED: phrase("The program was installed"),
    EntryKind.REGISTER_CHANGED: phrase("Case register changed"),
    EntryKind.PLACE_CHANGED: phrase("Address book or connection changed"),
    EntryKind.GATE_RECORDED: phrase("DPIA and consent recorded"),
    EntryKind.SIGHTING: phrase("Address books read"),
    EntryKind.PLAN_MADE: phrase("Plan made"),
    EntryKind.ORDER_PLANNED: phrase("Removal scheduled"),
    EntryKind.ORDER_SENT: phrase("Removal sent to the server"),
    EntryKind.RECEIPT: phrase("Answer of the server"),
    EntryKind.ORDER_SETTLED: phrase("Removal settled"),
    EntryKind.PROOF: phrase("Removal verified"),
    EntryKind.EVIDENCE_RAISED: phrase("Seen on a phone, too"),
    EntryKind.FINDING: phrase("Finding opened or ended"),
    EntryKind.DEVIATION_RECORDED: phrase("Deviation recorded"),
    EntryKind.RESTRICTED: phrase("Restricted: only those cleared can open it"),
    EntryKind.READ: phrase("Somebody read"),
    EntryKind.REPORT_MADE: phrase("Report made"),
    EntryKind.REFUSED: phrase("Something was refused"),
    EntryKind.CHECKPOINT_MADE: phrase("Checkpoint signed"),
    EntryKind.POLICY_CHANGED: phrase("Policy changed"),
    EntryKind.KEY_CHANGED: phrase("Key changed"),
    EntryKind.RESTORE_ACCEPTED: phrase("Restored database accepted"),
    EntryKind.BACKUP_MADE: phrase("Backup made"),
    EntryKind.TABLES_ACCEPTED: phrase("Changed records accepted"),
    EntryKind.USAGE_CHANGED: phrase("Usage feed changed"),
    EntryKind.DECLARATION_CHANGED: phrase("Declaration changed"),
    EntryKind.PHONES_LISTED: phrase("Phones listed by the MDM"),
    EntryKind.PHONE_ASKED: phrase("Phone asked"),
    EntryKind.PHONE_TOLD: phrase("Phone answered"),
    EntryKind.PAUSE_CHANGED: phrase("Pause changed"),
    EntryKind.ENGINE_ENDED: phrase("Background worker ended"),
    EntryKind.CLOSURE_ANSWERED: phrase("Closure answered by a work supervisor"),
    EntryKind.PLAN_CHANGED: phrase("Monitoring plan changed"),
    EntryKind.PUT_BACK: phrase("Contact put back"),
    EntryKind.RECORDS_EXPIRED: phrase("Records past their period"),
    EntryKind.ATTESTED: phrase("Worker asked, or answered, where nobody can look"),
    EntryKind.PACKAGE_CHANGED: phrase("Evidence package asked for, decided or made"),
}
"""A test asks for every kind."""
_WITHOUT_MORE = frozenset(
    {
        EntryKind.SIGHTING,
        EntryKind.PLAN_MADE,
        EntryKind.ORDER_PLANNED,
        EntryKind.ORDER_SENT,
        EntryKind.RECEIPT,
        EntryKind.ORDER_SETTLED,
        EntryKind.PROOF,
        EntryKind.EVIDENCE_RAISED,
        EntryKind.RESTRICTED,
        EntryKind.PHONE_ASKED,
        EntryKind.PHONE_TOLD,
        EntryKind.PUT_BACK,
        EntryKind.ATTESTED,
        EntryKind.PACKAGE_CHANGED,
    }
)
"""That they happened and when, and no more: counts and outcomes of removing differ by what is held."""
_SAID = ("what", "verb", "mode", "outcome", "fault", "level", "reason", "tier", "vendor")
"""Fields whose values are words of closed sets, or a vendor's name."""


def entries_section(entries: Sequence[LogEntry]) -> Section:
    """Entries, the newest first."""
    return Section(
        "entries",
        phrase("Entries, the newest first"),
        columns=(
            Column("entry", phrase("Entry"), Kind.COUNT),
            Column("at", phrase("When"), Kind.INSTANT),
            Column("kind", phrase("What happened")),
            Column("said", phrase("In the words of the log")),
            Column("count", phrase("Count"), Kind.COUNT),
            Column("role", phrase("In which role"), Kind.CODE),
        ),
        rows=tuple(_row(each) for each in sorted(entries, key=lambda each: -each.seq)),
        empty=phrase("No results."),
        notes=(
            phrase("Without a role: the program itself. That you read these entries is an entry, too."),
            phrase("Codes and hashes of an entry are shown by: closeout log show"),
        ),
    )


def _row(entry: LogEntry) -> Row:
    body = {} if entry.kind in _WITHOUT_MORE else entry.body
    said = ", ".join(str(body[name]).replace("_", " ") for name in _SAID if body.get(name) not in (None, ""))
    count, role = body.get("count"), body.get("actor_role")
    return (
        entry.seq,
        entry.at,
        ENTRY_KINDS[entry.kind],
        said or None,
        count if isinstance(count, int) else None,
        Role(role) if role in set(Role) else None,
    )
