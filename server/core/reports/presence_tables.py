"""On how many phones an app is, as it may be told: counts of phones by what is known of each; pure, and of no phone."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from server.core.reports.vintages import ALL, Contribution, Figures, TableTold
from server.core.text import Share
from server.core.usage.channels import PhoneApps, Reads, reads_contacts

_GROUP = "phones"
_MISSING, _ABSENT = "missing", "absent"
COUNTS = ("enrolled", "inventoried", "present", "managed", *(each.value for each in Reads))


@dataclass(frozen=True, slots=True)
class ShownPresence:
    """What may be told of a channel. phones: all there are. counts: by name (`COUNTS`); None: withheld."""

    channel: str
    phones: int
    counts: Mapping[str, int | None]
    unmeasured: Share | None


def phones_as_parts(
    phones: Sequence[PhoneApps], channels: Sequence[str], measured: Collection[int]
) -> Sequence[Contribution]:
    """Each phone with what is known of it, channel by channel. measured: of which a feed tells how apps are used."""
    found = []
    for phone in phones:
        cells = {f"enrolled/{'yes' if phone.enrolled else 'no'}": 1}
        cells |= {f"{channel}/{_stands(phone, channel, phone.device in measured)}": 1 for channel in channels}
        digest = hashlib.blake2b(repr(sorted(cells)).encode(), digest_size=8).hexdigest()
        found.append(Contribution(phone.device, _GROUP, digest, cells))
    return found


def _stands(phone: PhoneApps, channel: str, measured: bool) -> str:
    if phone.channels is None or channel in phone.unknown:
        return _MISSING
    if channel not in phone.channels:
        return _ABSENT
    return _cell(channel in phone.managed, reads_contacts(phone, channel), measured)


def _cell(managed: bool, reads: Reads, measured: bool) -> str:
    return f"{'managed' if managed else 'own'} {reads.value} {'measured' if measured else 'unmeasured'}"


def presence_figures(channels: Sequence[str]) -> Mapping[str, Figures]:
    """The counts of each channel, a table each; how many are enrolled is another."""
    enrolled = {"enrolled/enrolled": frozenset({"enrolled/yes"})}
    return {"enrolled": enrolled, **{channel: _figures(channel) for channel in channels}}


def _figures(channel: str) -> Figures:
    all_present = {
        (managed, reads, measured): f"{channel}/{_cell(managed, reads, measured)}"
        for managed in (True, False)
        for reads in Reads
        for measured in (True, False)
    }
    present = frozenset(all_present.values())
    return {
        f"{channel}/inventoried": present | {f"{channel}/{_ABSENT}"},
        f"{channel}/present": present,
        f"{channel}/managed": frozenset(cell for (managed, _, _), cell in all_present.items() if managed),
        f"{channel}/unmeasured": frozenset(cell for (_, _, measured), cell in all_present.items() if not measured),
        **{
            f"{channel}/{each.value}": frozenset(cell for (_, reads, _), cell in all_present.items() if reads is each)
            for each in Reads
        },
    }


def presence_wholes(channels: Sequence[str]) -> Figures:
    """What everybody knows: that each phone is one of these."""
    every = {"enrolled": frozenset({"enrolled/yes", "enrolled/no"})}
    for channel in channels:
        cells = frozenset(cell for figure in _figures(channel).values() for cell in figure)
        every[channel] = cells | {f"{channel}/{_MISSING}"}
    return every


def presence_told(told: TableTold, channels: Sequence[str], phones: int) -> Sequence[ShownPresence]:
    """What may be told of each channel. phones: how many there are, if nothing was told yet."""
    phones = told.covered(ALL) if told.vintages else phones
    found = []
    for channel in channels:
        figures = {**_figures(channel), f"{channel}/enrolled": frozenset({"enrolled/yes"})}

        def count(name: str, channel: str = channel, figures: Figures = figures) -> int | None:
            key = "enrolled/enrolled" if name == "enrolled" else f"{channel}/{name}"
            return told.amount(ALL, figures[f"{channel}/{name}"]) if told.shows(ALL, key) else None

        part, whole = count("unmeasured"), count("present")
        share = None if part is None or whole is None else Share(part, whole)
        found.append(ShownPresence(channel, phones, {name: count(name) for name in COUNTS}, share))
    return found
