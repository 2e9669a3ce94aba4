"""A vCard 4 on a server that hands it out as 3 (Cyrus): what is private stays to the byte, the photo above all."""

from __future__ import annotations

import pytest

from mdm_adapters.port import Cut, Outcome, Shape
from tests.vendors.members import CyrusMember
from tests.vendors.register import Register, token

pytestmark = pytest.mark.parts

CLIENT, PRIVATE = "+31612345601", "+31687654301"
HEAD = [
    *("BEGIN:VCARD", "VERSION:4.0", "UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1", "FN;LANGUAGE=nl:Contact 4"),
    *("N:Contact;;;;", "KIND:individual", "GENDER:F", "BDAY:--0415", "LANG;PREF=1:nl"),
    "RELATED;TYPE=child:urn:uuid:03a0e51f-d1aa-4385-8a53-e29025acd8af",
    f"TEL;VALUE=uri;TYPE=home:tel:{PRIVATE};ext=102",
]
TAIL = [
    "PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//",
    *("CLIENTPIDMAP:1;urn:uuid:53e374d9-337e-4727-8803-a1e9c14e0556", "NOTE;PID=1.1:privé", "X-OWN;X-P=a:blijft"),
    *("END:VCARD", ""),
]


def fourth(*lines: str) -> bytes:
    return "\r\n".join([*HEAD, *lines, *TAIL]).encode()


def stored(member: CyrusMember, name: str) -> bytes:
    """A card as the server keeps it."""
    headers = {"Accept": "text/vcard; version=4.0"}
    return member.server.client().request("GET", f"/{member.book}/{name}", headers=headers).body


def test_the_owner_s_photo_stays_where_a_vcard_4_is_cut(cyrus_member: CyrusMember) -> None:
    cyrus_member.put("four.vcf", fourth(f"TEL;VALUE=uri;TYPE=cell:tel:{CLIENT}"))
    assert b"VERSION:3.0" in (cyrus_member.get("four.vcf") or b"")  # as it is handed out to whoever asks for no version

    (entry,) = cyrus_member.store.look(cyrus_member.place, Register(CLIENT)).entries
    cut = Cut(entry.ref, entry.version, entry.tokens)
    (receipt,) = cyrus_member.store.remove(cyrus_member.place, [cut], Register(CLIENT))
    after = cyrus_member.store.look(cyrus_member.place, Register(CLIENT))

    assert (entry.shape, entry.tokens) == (Shape.MIXED, {token(CLIENT)})
    assert receipt.outcome is Outcome.TRIMMED
    assert stored(cyrus_member, "four.vcf") == fourth()
    assert (after.entries, after.read) == ((), 1)


def test_a_number_that_only_a_vcard_4_can_say_is_seen(cyrus_member: CyrusMember) -> None:
    cyrus_member.put("four.vcf", fourth(f"RELATED;VALUE=uri;TYPE=friend:tel:{CLIENT}"))

    (entry,) = cyrus_member.store.look(cyrus_member.place, Register(CLIENT)).entries

    assert entry.tokens == {token(CLIENT)}


def test_a_vcard_3_beside_it_is_read_as_it_is_stored(cyrus_member: CyrusMember) -> None:
    def third(*lines: str) -> bytes:
        return fourth(*lines).replace(b"VERSION:4.0", b"VERSION:3.0").replace(b"4fbe8971", b"5fbe8971")

    cyrus_member.put("four.vcf", fourth(f"TEL;VALUE=uri;TYPE=cell:tel:{CLIENT}"))
    cyrus_member.put("three.vcf", third(f"TEL;TYPE=CELL:{CLIENT}"))

    cuts = [
        Cut(entry.ref, entry.version, entry.tokens)
        for entry in cyrus_member.store.look(cyrus_member.place, Register(CLIENT)).entries
    ]
    outcomes = {receipt.outcome for receipt in cyrus_member.store.remove(cyrus_member.place, cuts, Register(CLIENT))}

    assert (len(cuts), outcomes) == (2, {Outcome.TRIMMED})
    assert cyrus_member.get("three.vcf") == fourth().replace(b"VERSION:4.0", b"VERSION:3.0").replace(
        b"4fbe8971", b"5fbe8971"
    )
