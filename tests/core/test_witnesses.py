"""Cosignatures, requests to witnesses and policies: the specifications' words, and vectors made by another program.

The vectors were written by filippo.io/torchwood v0.6.1 and golang.org/x/mod v0.24.0, from the keys whose seeds are the
bytes 0 to 31 (the log) and 32 to 63 (the witness) and the entries `entry 0` to `entry 20`.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from server.core.log.checkpoints import BadCheckpoint, Checkpoint, parse_verifier_key, sign_checkpoint
from server.core.log.cosignatures import WitnessKey, add_signatures, cosign, parse_witness_key, read_cosignatures
from server.core.log.merkle import EMPTY_ROOT, Frontier, consistency_from, consistency_proof, leaf_hash, root_of
from server.core.log.witness_policy import BadWitnessPolicy, WitnessPolicy, WitnessPolicyFault, read_witness_policy
from server.core.log.witness_protocol import (
    AddCheckpoint,
    Ruling,
    WitnessAnswer,
    WitnessSaid,
    hear,
    origin_of,
    read_request,
    rule,
    text_of,
    write_request,
)

ORIGIN = "closeout.example/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = LOG.public_key().public_bytes_raw()
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
NAME = "witness.example/w1"
WITNESS = WitnessKey(SIGNER.public_key().public_bytes_raw(), NAME)
LEAVES = [leaf_hash(f"entry {number}".encode()) for number in range(21)]

LOG_TEXT = "closeout.example/log+1bf65710+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
WITNESS_TEXT = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"
AT = 1796039966
OF_6 = (
    "closeout.example/log\n6\ny+7JnbPk1n26qmDBa11M9zesLdwVB7eK83V2PrrRwB4=\n\n"
    "— closeout.example/log "
    "G/ZXEOWP7ErT5lWS3DcwEiuKYpfut6HjdRVZzfu+B97dCw6cBFhNPL0RUDZQEIreZMDRNi+EuYcZnrdFK36sKPwwxAk=\n"
    "— witness.example/w1 "
    "IDJKvgAAAABrDWUeMStos9KeKCDNev6r3ut/1pOyVRO+etlR7GHJ63Y2RC490Xf+xmPWlAErFvdR2v/o3zSmqG4aUCpgbAeyTER8DA==\n"
)
OF_21 = (
    "closeout.example/log\n21\nSvea78FcRz5nsuDIk+L3vD1cxCHH7bm4Q7d2/bhAboM=\n\n"
    "— closeout.example/log "
    "G/ZXEM+KQS6ogG95Y+zqO8NcftRuluPf+0JIUk7EevJHWDLA8WYHQROs/jI9oerE+BN3xm0uEtDWqqKmVqUKdLHzVAU=\n"
    "— witness.example/w1 "
    "IDJKvgAAAABrDWUeJBrhKkJG8rpZQP5EMQNCOvoKGr3a6hApEBYYvN/acPzDKkaVXcCMZYmf1UmyP1G2GC9FyfyZd3SU9vLQGMxQCQ==\n"
)
EXTENDED = (
    "closeout.example/log\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\none extension\n\n"
    "— closeout.example/log "
    "G/ZXEHGv3sxgGHPfOI2J4I1s8ExoYRJY6Wne+awKY9dl8ge5lg7I43kAEBq8gOFShUNYWsbUKy0TIRBz/cCzaSsNqwg=\n"
    "— witness.example/w1 "
    "IDJKvgAAAABrDWUeGQOV4DxvgBiuKv3yEohXW2AEWXO9uIgVZTEmSSYWFeMNr5uIVCM3m7j3Yn4sxBKIR+XswvXGHwyKclL8teflDw==\n"
)
PROOFS = {
    (6, 21): """3QN52DrH8WTn7qMM3O+1dQglTEj3Zq/M09l2Nl4yjMw= /w4ywg/2W5esELOyZ3uHKqPVoCh9lFesukflfPSkpz8=
        l5nzB1F+9RfCIF35tndivzR1ayAJn7ffzOdrzr0nOy4= fGUIzhK9/NpXQgT6uIEfs8HvZPefJgpa46VO6vARajs=
        B3wAGVF83g1LSaQmCgt04lvtiUs/1nbbj+ijwpU5DSs=""",
    (16, 21): "B3wAGVF83g1LSaQmCgt04lvtiUs/1nbbj+ijwpU5DSs=",
    (1, 8): """Lfs2xvZsrDYUKc9G34aKuCQtOmRB8Qmcj7P5jsXRCKQ= 3b3oD8zesxmO9puOHwk0+84pbGur+3OFdKT2KXImZ5M=
        GhZ/vGuCwqdE9v+gpidhde2wC9MFkqXnT3ohqdIDqCg=""",
    (20, 21): """J3GNBZu4uCJPXIvzgu1Ek7zxtHkCYUn8CrJEEYHBqPg= rUx3jsPs2gvXJkCj4mXbxZ7Rx9DR1Bjdy7C8kaUmllU=
        xx5OIvnaHWqhEh6W7X4IV2WsZ7RVaDJqj/i3yN3iOl8=""",
}
# The example of a request in c2sp.org/tlog-witness.
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— {origin} Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— {origin} opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".replace("{origin}", "example.com/behind-the-sofa")


def head(size: int, leaves: list[bytes] = LEAVES) -> Checkpoint:
    return Checkpoint(ORIGIN, size, root_of(leaves[:size]))


def note(size: int, leaves: list[bytes] = LEAVES, signer: Ed25519PrivateKey = LOG) -> str:
    return sign_checkpoint(head(size, leaves), signer, ORIGIN)


def ask(old: int, size: int, *, of: str | None = None) -> AddCheckpoint:
    proof = consistency_proof(LEAVES[:size], old) if old <= size else ()
    return AddCheckpoint(old, proof, of or note(size))


# --- proofs from a frontier ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), PROOFS.keys())
def test_proofs_are_those_of_another_program(old: int, new: int) -> None:
    expected = tuple(base64.b64decode(each) for each in PROOFS[old, new].split())
    assert consistency_proof(LEAVES[:new], old) == expected
    assert consistency_from(Frontier().extend(LEAVES[:old]), LEAVES[old:new]) == expected


def test_a_proof_from_a_frontier_is_the_one_from_all_leaves_between_every_two_sizes() -> None:
    leaves = [leaf_hash(b"%d" % number) for number in range(70)]
    for new in range(len(leaves) + 1):
        for old in range(new + 1):
            frontier = Frontier().extend(leaves[:old])
            assert consistency_from(frontier, leaves[old:new]) == consistency_proof(leaves[:new], old)


# --- cosignatures -------------------------------------------------------------------------------------------------


def test_keys_are_written_as_another_program_writes_them() -> None:
    assert parse_verifier_key(LOG_TEXT) == (LOG_KEY, ORIGIN)
    assert parse_witness_key(WITNESS_TEXT) == WITNESS
    assert (WITNESS.text, WITNESS.id) == (WITNESS_TEXT, "20324abe")


@pytest.mark.parametrize("text", [LOG_TEXT, WITNESS_TEXT[:-1], WITNESS_TEXT.replace("20324abe", "20324abf"), "", "w1"])
def test_the_key_of_a_log_or_a_torn_one_is_no_key_of_a_witness(text: str) -> None:
    with pytest.raises(ValueError):
        parse_witness_key(text)


@pytest.mark.parametrize("whole", [OF_6, OF_21, EXTENDED], ids=["six entries", "more", "with an extension line"])
def test_another_programs_cosignatures_are_read_and_ours_are_the_same(whole: str) -> None:
    assert read_cosignatures(whole, [WITNESS]) == {WITNESS: AT}
    *_, line = whole.splitlines(keepends=True)
    assert cosign(text_of(whole), SIGNER, NAME, AT) == line


def test_what_is_signed_is_what_the_specification_says() -> None:
    line = cosign("example.com/behind-the-sofa\n20852163\nroot\n", SIGNER, NAME, 1679315147)
    signed = base64.b64decode(line.split(" ")[2])
    said = b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nroot\n"
    SIGNER.public_key().verify(signed[12:], said)
    id_ = hashlib.sha256(NAME.encode() + b"\n\x04" + WITNESS.public).digest()[:4]
    assert signed[:12] == id_ + (1679315147).to_bytes(8, "big")


def test_whoever_did_not_cosign_is_not_named() -> None:
    other = WitnessKey(OTHER.public_key().public_bytes_raw(), NAME)
    assert read_cosignatures(note(6), [WITNESS]) == {}
    assert read_cosignatures(OF_6, [other]) == {}
    assert read_cosignatures(OF_6, [replace(WITNESS, name="witness.example/w2")]) == {}


def test_a_false_cosignature_counts_for_nothing_and_spoils_no_other() -> None:
    second = WitnessKey(OTHER.public_key().public_bytes_raw(), "other.example")
    true = cosign(text_of(OF_6), OTHER, "other.example", AT)
    other_text = cosign(text_of(OF_21), SIGNER, NAME, AT)
    both = add_signatures(note(6), [other_text, true])
    assert read_cosignatures(both, [WITNESS, second]) == {second: AT}
    assert read_cosignatures(OF_6 + other_text, [WITNESS]) == {}, "one true and one false in a name: nobody's word"


def test_the_newest_of_a_witnesss_cosignatures_counts() -> None:
    lines = [cosign(text_of(OF_6), SIGNER, NAME, at) for at in (AT - 5, AT + 5)]
    assert read_cosignatures(add_signatures(OF_6, lines), [WITNESS]) == {WITNESS: AT + 5}


@given(at=st.integers(0, len(OF_6) - 1), sign=st.characters(codec="utf-8"))
def test_no_character_of_a_cosigned_head_can_be_changed(at: int, sign: str) -> None:
    changed = OF_6[:at] + sign + OF_6[at + 1 :]
    try:
        found = read_cosignatures(changed, [WITNESS])
    except BadCheckpoint:
        return
    ours = OF_6.index("— closeout")
    beside = ours <= at < OF_6.index("— witness")  # the log's own signature is not what a witness signs
    assert found == {} or beside or changed == OF_6


@pytest.mark.parametrize("at", [0, -1, 2**63])
def test_a_cosignature_tells_an_instant(at: int) -> None:
    with pytest.raises(ValueError):
        cosign(text_of(OF_6), SIGNER, NAME, at)


@pytest.mark.parametrize("lines", [["\n\n— x AAAAAAAA\n"], ["no signature\n"], ["— x AAAA"], ["\n"]])
def test_only_signature_lines_are_added_to_a_note(lines: list[str]) -> None:
    with pytest.raises(BadCheckpoint):
        add_signatures(OF_6, lines)


# --- requests -----------------------------------------------------------------------------------------------------


def test_the_specifications_example_is_read_and_written_alike() -> None:
    request = read_request(EXAMPLE.encode())
    assert (request.old_size, len(request.proof), origin_of(request)) == (20852014, 4, "example.com/behind-the-sofa")
    assert write_request(request) == EXAMPLE.encode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n\n",
        "old\n\n" + OF_6,
        "old 06\n\n" + OF_6,
        "old -1\n\n" + OF_6,
        "old +1\n\n" + OF_6,
        "old  1\n\n" + OF_6,
        "old 1 \n\n" + OF_6,
        "old ١\n\n" + OF_6,
        f"old {2**63}\n\n" + OF_6,
        "old 0\n" + OF_6.replace("\n\n", "\n"),
        "old 0\r\n\r\n" + OF_6,
        "old 0\nAAAA\n\n" + OF_6,
        "old 0\nnot base64\n\n" + OF_6,
        "old 0\n" + 64 * "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" + "\n" + OF_6,
        "old 0\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkax=\n\n" + OF_6,
        "old 0\n\n" + 70_000 * "x",
    ],
)
def test_any_other_body_is_no_request(body: str) -> None:
    with pytest.raises(ValueError, match="not a request"):
        read_request(body.encode())


def test_a_body_that_is_no_text_is_no_request() -> None:
    with pytest.raises(ValueError):
        read_request(b"old 0\n\n\xff\xfe")


@given(st.binary(max_size=300))
def test_whatever_comes_in_is_a_request_or_a_value_error(body: bytes) -> None:
    with suppress(ValueError):
        assert write_request(read_request(body)) == body


# --- how a witness rules ------------------------------------------------------------------------------------------

FORKED = [*LEAVES[:5], leaf_hash(b"another"), *LEAVES[6:]]
RULINGS = {
    "the first head": (ask(0, 6), None, Ruling(200, head(6))),
    "the first head of another program": (ask(0, 6, of=OF_6), None, Ruling(200, head(6))),
    "a head that extends": (ask(6, 21), head(6), Ruling(200, head(21))),
    "the same head again": (ask(21, 21), head(21), Ruling(200, head(21))),
    "an empty log": (ask(0, 0), None, Ruling(200, head(0))),
    "no signature of the log": (ask(0, 6, of=note(6, signer=OTHER)), None, Ruling(403)),
    "a false signature of the log": (ask(0, 6, of=OF_6.replace("closeout.example/log\n6", "closeout.example/log\n7")),
                                     None, Ruling(403)),
    "an old size above the new": (ask(7, 6), head(7), Ruling(400)),
    "an old size above the new, which is not known": (ask(7, 6), None, Ruling(400)),
    "no note": (AddCheckpoint(0, (), f"{ORIGIN}\n6\n"), None, Ruling(400)),
    "an origin that no key is called by": (AddCheckpoint(0, (), "a log\n6\nroot\n\n— a log AAAA\n"), None, Ruling(400)),
    "a size it does not know": (ask(5, 21), head(6), Ruling(409, size=6)),
    "a size where it knows none": (ask(5, 21), None, Ruling(409, size=0)),
    "nothing where it knows one": (ask(0, 21), head(6), Ruling(409, size=6)),
    "a smaller head": (ask(6, 6), head(21), Ruling(409, size=21)),
    "a proof of another tree": (ask(6, 21), head(6, FORKED), Ruling(422)),
    "another tree of the same size": (ask(6, 6), head(6, FORKED), Ruling(422)),
    "no proof": (replace(ask(6, 21), proof=()), head(6), Ruling(422)),
    "a proof too many from nothing": (replace(ask(0, 21), proof=(EMPTY_ROOT,)), None, Ruling(422)),
    "an empty log with a root": (ask(0, 0, of=sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), LOG, ORIGIN)),
                                 None, Ruling(422)),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "newest", "ruling"), RULINGS.values(), ids=RULINGS.keys())
def test_a_witness_rules_as_the_specification_says(
    request_: AddCheckpoint, newest: Checkpoint | None, ruling: Ruling
) -> None:
    assert rule(request_, LOG_KEY, newest) == ruling


@given(st.lists(st.tuples(st.integers(0, 21), st.integers(0, 21), st.booleans()), max_size=12))
def test_a_witness_never_cosigns_what_does_not_extend_what_it_cosigned(tries: list[tuple[int, int, bool]]) -> None:
    newest: Checkpoint | None = None
    for old, size, forked in tries:
        leaves = FORKED if forked else LEAVES
        proof = consistency_proof(leaves[:size], old) if old <= size else ()
        ruling = rule(AddCheckpoint(old, proof, note(size, leaves)), LOG_KEY, newest)
        if ruling.head is not None:
            before = 0 if newest is None else newest.size
            assert newest is None or newest.root == root_of(leaves[:before])
            assert ruling.head.size >= before
            newest = ruling.head


# --- what a log hears ---------------------------------------------------------------------------------------------

SENT = ask(6, 21)
LINE = cosign(text_of(SENT.note), SIGNER, NAME, AT)
FOREIGN = cosign(text_of(SENT.note), OTHER, "other.example", AT)
OTHER_HEADS = cosign(text_of(note(20)), SIGNER, NAME, AT)
HEARD = {
    "a cosignature": (SENT, 200, LINE, WitnessAnswer(WitnessSaid.COSIGNED, lines=(LINE,), at=AT)),
    "beside another's": (SENT, 200, FOREIGN + LINE, WitnessAnswer(WitnessSaid.COSIGNED, lines=(LINE,), at=AT)),
    "only another's": (SENT, 200, FOREIGN, WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "one of another head": (SENT, 200, OTHER_HEADS, WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "nothing": (SENT, 200, "", WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "a page": (SENT, 200, "<html>\n", WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "a smaller size": (SENT, 409, "5\n", WitnessAnswer(WitnessSaid.KNOWS_LESS, 5)),
    "none yet": (SENT, 409, "0\n", WitnessAnswer(WitnessSaid.KNOWS_LESS, 0)),
    "a size between": (SENT, 409, "20\n", WitnessAnswer(WitnessSaid.KNOWS_LESS, 20)),
    "this very size": (SENT, 409, "21\n", WitnessAnswer(WitnessSaid.KNOWS_LESS, 21)),
    "a larger size": (SENT, 409, "22\n", WitnessAnswer(WitnessSaid.KNOWS_MORE, 22)),
    "the size that was said": (SENT, 409, "6\n", WitnessAnswer(WitnessSaid.NO_ANSWER, 6)),
    "another root, as it was said before": (ask(21, 21), 409, "21\n", WitnessAnswer(WitnessSaid.OTHER_TREE, 21)),
    "no size": (SENT, 409, "many\n", WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "a size that is none": (SENT, 409, "022\n", WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "a size that no tree has": (SENT, 409, f"{2**63}\n", WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "another tree": (SENT, 422, "", WitnessAnswer(WitnessSaid.OTHER_TREE, 6)),
    "another tree than none": (ask(0, 21), 422, "", WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "a log it does not know": (SENT, 404, "", WitnessAnswer(WitnessSaid.UNKNOWN_LOG)),
    "a key it does not know": (SENT, 403, "", WitnessAnswer(WitnessSaid.UNKNOWN_LOG)),
    "an error": (SENT, 500, "", WitnessAnswer(WitnessSaid.NO_ANSWER)),
    "a redirect": (SENT, 302, "", WitnessAnswer(WitnessSaid.NO_ANSWER)),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "status", "body", "heard"), HEARD.values(), ids=HEARD.keys())
def test_a_log_hears_what_the_witness_said(
    request_: AddCheckpoint, status: int, body: str, heard: WitnessAnswer
) -> None:
    assert hear(request_, WITNESS, status, body.encode()) == heard


@given(st.sampled_from([200, 409, 422, 500]), st.binary(max_size=200))
def test_whatever_a_witness_answers_is_never_taken_for_its_cosignature(status: int, body: bytes) -> None:
    assert hear(SENT, WITNESS, status, body).said is not WitnessSaid.COSIGNED


# --- policies -----------------------------------------------------------------------------------------------------

KEYS = [
    WitnessKey(Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)).public_key().public_bytes_raw(), f"w{number}")
    for number in range(1, 6)
]
POLICY = f"""# what the specification's example says, with keys
log {LOG_TEXT}

witness X1 {KEYS[0].text} https://witness.example/
\twitness X2 {KEYS[1].text}
witness X3 {KEYS[2].text}
group X-witnesses 2 X1 X2 X3
witness Y1 {KEYS[3].text}
witness Y2 {KEYS[4].text}
group Y-witnesses any Y1 Y2
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_a_policy_is_read() -> None:
    policy = read_witness_policy(POLICY)
    assert [each.name for each in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2"]
    assert [each.url for each in policy.witnesses] == ["https://witness.example/", "", "", "", ""]
    assert policy.logs == ((LOG_KEY, ORIGIN),)


@pytest.mark.parametrize(
    ("who", "met"),
    [
        ((0, 1, 3), True),
        ((0, 2, 4), True),
        ((0, 1, 2, 3, 4), True),
        ((0, 1, 2), False),
        ((0, 3, 4), False),
        ((), False),
    ],
)
def test_a_quorum_counts_its_groups(who: tuple[int, ...], met: bool) -> None:
    assert read_witness_policy(POLICY).is_met({KEYS[number] for number in who}) is met


def test_a_quorum_may_be_one_witness_or_nobody() -> None:
    one = read_witness_policy(f"witness w {KEYS[0].text}\nquorum w\n")
    assert (one.is_met({KEYS[0]}), one.is_met(set()), one.is_met({KEYS[1]})) == (True, False, False)
    assert read_witness_policy("quorum none\n") == WitnessPolicy()
    assert WitnessPolicy().is_met(set())


@pytest.mark.parametrize(
    ("text", "fault", "line"),
    [
        ("", WitnessPolicyFault.NO_QUORUM, 1),
        (f"witness w {KEYS[0].text}\n", WitnessPolicyFault.NO_QUORUM, 2),
        ("quorum w\n", WitnessPolicyFault.UNKNOWN_NAME, 1),
        ("quorum none\nquorum none\n", WitnessPolicyFault.TWICE, 2),
        ("\nquorum\n", WitnessPolicyFault.UNKNOWN_LINE, 2),
        ("tree x\n", WitnessPolicyFault.UNKNOWN_LINE, 1),
        (f"witness w {KEYS[0].text} https://a b\n", WitnessPolicyFault.UNKNOWN_LINE, 1),
        (f"witness w {LOG_TEXT}\n", WitnessPolicyFault.BAD_KEY, 1),
        (f"log {WITNESS_TEXT}\n", WitnessPolicyFault.BAD_KEY, 1),
        (f"log {LOG_TEXT}\nlog {LOG_TEXT}\n", WitnessPolicyFault.TWICE, 2),
        (f"witness none {KEYS[0].text}\n", WitnessPolicyFault.TWICE, 1),
        (f"witness w {KEYS[0].text}\nwitness w {KEYS[1].text}\n", WitnessPolicyFault.TWICE, 2),
        (f"witness w {KEYS[0].text}\nwitness v {replace(KEYS[0], name='v').text}\n", WitnessPolicyFault.TWICE, 2),
        (f"witness w {KEYS[0].text}\ngroup g any w none\n", WitnessPolicyFault.UNKNOWN_NAME, 2),
        (f"witness w {KEYS[0].text}\ngroup g any w w\n", WitnessPolicyFault.UNKNOWN_NAME, 2),
        (f"witness w {KEYS[0].text}\ngroup g any v\n", WitnessPolicyFault.UNKNOWN_NAME, 2),
        (f"witness w {KEYS[0].text}\ngroup g any w\ngroup h any w\n", WitnessPolicyFault.UNKNOWN_NAME, 3),
        (f"witness w {KEYS[0].text}\ngroup g 2 w\n", WitnessPolicyFault.BAD_NUMBER, 2),
        (f"witness w {KEYS[0].text}\ngroup g 0 w\n", WitnessPolicyFault.BAD_NUMBER, 2),
        (f"witness w {KEYS[0].text}\ngroup g some w\n", WitnessPolicyFault.BAD_NUMBER, 2),
        ("group g any\n", WitnessPolicyFault.UNKNOWN_LINE, 1),
        ("quorum none\r\n", WitnessPolicyFault.NOT_TEXT, 1),
        ("\n" * 2_000, WitnessPolicyFault.TOO_LONG, 1_000),
    ],
)
def test_a_policy_with_a_fault_says_where(text: str, fault: WitnessPolicyFault, line: int) -> None:
    with pytest.raises(BadWitnessPolicy) as bad:
        read_witness_policy(text)
    assert (bad.value.fault, bad.value.line) == (fault, line)
