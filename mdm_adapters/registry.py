"""The adapters there are: one literal table from the name in a configuration to what makes the adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mdm_adapters import carddav, graph, intune, jamf, nanomdm
from mdm_adapters.http import Connection
from mdm_adapters.options import ConnectionKind
from mdm_adapters.phones import Mdm
from mdm_adapters.port import ContactStore

STORES: Mapping[str, Callable[[Connection], ContactStore]] = {
    "carddav": carddav.connect,
    "graph": graph.connect,
}
"""Vendors that keep contacts. A factory raises ValueError on a connection that is not valid; it calls nobody."""

MDMS: Mapping[str, Callable[[Connection], Mdm]] = {
    "intune": intune.connect,
    "jamf": jamf.connect,
    "nanomdm": nanomdm.connect,
}
"""Vendors that manage phones; factories as above."""

KINDS: Mapping[str, ConnectionKind] = {
    each.name: each
    for each in (carddav.CONNECTION, graph.CONNECTION, intune.CONNECTION, jamf.CONNECTION, nanomdm.CONNECTION)
}
"""What a connection to each says: the vendor's own declaration, from which forms, command and manual are made."""

MDMS_TOLD_OF_APPS = frozenset({"nanomdm"})
"""Those whose phones answer about apps by events, long after they were asked: an option `apps` says what was asked."""
