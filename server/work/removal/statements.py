"""What proofs say in words, in both languages, and what their entries in the log commit to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from mdm_adapters.port import Capability, CapabilityAnswer, Support
from server.core.log.entries import Body, EntryKind
from server.core.log.receipts import (
    LANGUAGES,
    Statement,
    commit_to_contact,
    digest_of_statement,
    write_statement,
)
from server.core.model import Level
from server.core.text import Text, phrase
from server.render.words import Words
from server.store.database import Connection
from server.store.removal import proofs
from server.work.context import Context

_PLACE = phrase("A worker's address book on a contact server.")
_HOW = phrase(
    "A full reading of the address book on the server showed it in no entry, and each entry that had held it was asked "
    "for by its own address as well. A phone may still hold a copy."
)
_ERASED = phrase("The server says that it erases at once what is deleted. Backups may keep it.")


@cache
def _statement(kept: Text) -> tuple[str, str]:
    """Digest and text, of what is left where it was removed."""
    said: Statement = {
        language: {"place": words.say(_PLACE), "how": words.say(_HOW), "kept": words.say(kept)}
        for language, words in ((each, Words(each)) for each in LANGUAGES)
    }
    return digest_of_statement(said), write_statement(said)


def write_proofs(
    context: Context,
    connection: Connection,
    orders: Sequence[str],
    look: str,
    capabilities: Mapping[Capability, CapabilityAnswer],
) -> list[tuple[EntryKind, Body]]:
    """The entries that prove these orders, and the words that they vouch for, which are kept.

    They name no address book: the entry of the look does. What an entry says is all that a receipt can tell.
    """
    if not orders:
        return []
    erases = capabilities[Capability.ERASES_AT_ONCE]
    because = erases.because
    digest, told = _statement(_ERASED if erases.support is Support.YES else Text(because))
    proofs.keep_statement(connection, digest, told)
    return [
        (
            EntryKind.PROOF,
            {
                "order": each.id,
                "look": look,
                "level": Level.STORE_REMOVED.value,
                "rule": each.reason,
                "policy": each.policy,
                "commitment": commit_to_contact(contact_key(context, each.id), each.id, each.token).hex(),
                "digest": digest,
            },
        )
        for each in proofs.proven_orders(connection, orders)
    ]


def contact_key(context: Context, order: str) -> bytes:
    """What opens the commitment of one order to its contact, and of no other: it may be handed on."""
    return context.keys.sealer.hash(order, "receipt.contact")
