"""Invented organisations, the same ones for the same number, for the demo, tests and benchmarks; nothing real.

They stand among the sources because they are one: the demo organisation is listened to as any case system is, through
files that `write_export` lays in the layout of a shipped mapping. No randomness but `random.Random` of the number
given, no clock: the moment an organisation is seen from is an argument. Sizes and patterns: DOMAIN 17.
"""

from server.sources.invented.books import CardKind, InventedCard
from server.sources.invented.exports import Day, all_closed, day_after, without_cases, write_export
from server.sources.invented.organisation import Device, Organisation, OrganisationSize, Worker, invent
from server.sources.invented.truth import truth

__all__ = [
    "CardKind",
    "Day",
    "Device",
    "InventedCard",
    "Organisation",
    "OrganisationSize",
    "Worker",
    "all_closed",
    "day_after",
    "invent",
    "truth",
    "without_cases",
    "write_export",
]
