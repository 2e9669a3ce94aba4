"""Receipts: believed by three verifiers that know public keys alone; none that was changed, none that shows a hold."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import update

from server.core.log.checkpoints import parse_verifier_key, sign_checkpoint, verifier_key_text
from server.core.log.entries import EntryKind
from server.core.log.receipts import (
    BadReceipt,
    ContactOpening,
    ProvenRemoval,
    ReceiptFault,
    check_receipt,
    read_opening,
    read_receipt,
    write_opening,
)
from server.core.log.witness_policy import WitnessPolicy, read_witness_policy
from server.core.model import Level, Role
from server.core.problems import DecisionRefusedError
from server.core.removal.plan import item_id
from server.store import log
from server.store.schema import base
from server.work.admin import log_checkpoints, log_export, log_witnesses
from server.work.reports import receipts
from server.work.reports.receipts import Issued, WantedReceipts
from tests.conftest import part_missing
from tests.parts import PartMissingError
from tests.parts.witnesses import built
from tests.work.admin.test_log_witnesses import KEYS, POLICY, Outside
from tests.work.world import NUMBERS, World, closed, token_of

SCRIPT = Path(__file__).parents[3] / "deploy" / "verify_receipt.py"
MUTATIONS = 1_000
BOTH = read_witness_policy(f"witness w1 {KEYS[0].text}\nwitness w2 {KEYS[1].text}\ngroup both all w1 w2\nquorum both\n")


def removed(world: World) -> None:
    """Six contacts of two closed cases are gone from two books, and that is proven."""
    world.tell(closed("100001", *NUMBERS[:4]), closed("100002", *NUMBERS[4:6], workers=("worker-2",)))
    for number in NUMBERS[:4]:
        world.put(number)
    for number in NUMBERS[4:6]:
        world.put(number, worker=2)
    world.run()
    log_checkpoints.write_checkpoint(world.context)
    assert len(world.proofs()) == 6


@pytest.fixture
def plain(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    return begin_after(removed)


@pytest.fixture
def world(plain: World, tmp_path: Path) -> World:
    """With two witnesses."""
    outside = Outside(tmp_path)
    for number in (1, 2):
        outside.put(plain, number)
    plain.context = replace(plain.context, log_witnesses=replace(POLICY, quorum=BOTH.quorum, groups=BOTH.groups),
                            ask_witness=outside)  # fmt: skip
    return plain


@dataclass
class Given:
    """What was issued, by order."""

    issued: Issued
    texts: dict[str, str]


def give(world: World, role: Role = Role.AUDITOR, **wanted: Any) -> Given:
    texts: dict[str, str] = {}
    return Given(receipts.issue(world.context, role, WantedReceipts(**wanted), texts.__setitem__), texts)


def give_all(world: World) -> dict[str, str]:
    return give(world, sample=100, seed="all").texts


def key_of(world: World) -> str:
    return log_checkpoints.verifier_key(world.context)


def ours(text: str, key: str, policy: WitnessPolicy = BOTH) -> ProvenRemoval | ReceiptFault:
    try:
        return check_receipt(read_receipt(text), parse_verifier_key(key), policy)
    except BadReceipt as bad:
        return bad.fault


def orders_of(world: World, case: str) -> list[str]:
    (number,) = [row.id for row in world.rows(base.cases) if row.number == case]
    return sorted(row.id for row in world.rows(base.orders) if row.case_id == number and row.state == "done")


# --- what is given ------------------------------------------------------------------------------------------------


def test_a_receipt_says_what_was_seen_and_by_which_rule_and_names_nobody(world):
    texts = give_all(world)
    order = next(iter(texts))
    told = ours(texts[order], key_of(world))
    assert isinstance(told, ProvenRemoval)
    assert (told.order, told.policy, told.rule) == (order, "rules-7", "finally_closed")
    assert told.levels == ((Level.STORE_REMOVED, world.clock.now),)
    assert told.cosigned == ("w1.example", "w2.example")
    assert told.statement["nl"]["place"] == "Een adresboek van een medewerker op een contactenserver."
    for named in ("100001", "worker-1", "book-1", "device-1", *(row.uid for row in world.rows(base.place))):
        assert named not in texts[order]
    assert not any(token_of(number).hex() in text for number in NUMBERS for text in texts.values())


def test_it_tells_one_time_only_and_none_from_which_a_postponement_could_be_reckoned(world):
    (text,) = give(world, ids=(orders_of(world, "100001")[0],)).texts.values()
    instants = [json.loads(each["entry"])["at"] for each in json.loads(text)["entries"]]
    assert len(instants) == 1
    assert set(json.loads(json.loads(text)["entries"][0]["entry"])["body"]) == {
        "order", "look", "level", "rule", "policy", "commitment", "digest",
    }  # fmt: skip


def test_they_are_issued_by_order_by_item_and_by_case(world):
    orders = orders_of(world, "100001")
    row = next(row for row in world.rows(base.orders) if row.id == orders[0])
    place = next(each.uid for each in world.rows(base.place) if each.id == row.place_id)
    token = next(each.token for each in world.rows(base.identifier) if each.id == row.identifier_id)
    assert list(give(world, ids=(orders[0],)).texts) == [orders[0]]
    assert list(give(world, ids=(item_id(place, token),)).texts) == [orders[0]]
    assert sorted(give(world, Role.PRIVACY_OFFICER, case="100001").texts) == orders


def test_a_sample_is_drawn_by_a_rule_that_others_can_follow_in_the_exported_log(world, tmp_path):
    drawn = give(world, sample=3, seed="inspector-7")
    assert (drawn.issued.count, drawn.issued.population) == (3, 6)
    log_export.export(world.context, Role.AUDITOR, tmp_path / "exported")
    lines = [json.loads(line) for line in (tmp_path / "exported" / "entries.jsonl").read_text().splitlines()]
    proven = [
        each["body"]["order"]
        for each in lines[: drawn.issued.size]
        if each["kind"] == "proof" and "commitment" in each["body"]
    ]
    ranked = sorted(proven, key=lambda order: hashlib.sha256(f"inspector-7/{order}".encode()).digest())
    assert sorted(drawn.texts) == sorted(ranked[:3])


def test_what_raised_the_level_later_is_in_it(world):
    (order,) = orders_of(world, "100002")[:1]
    with world.context.store.write() as connection:
        world.clock.now += (later := world.clock.now.resolution)
        body = {"order": order, "level": "device_synced", "what": "device"}
        log.append(connection, world.clock.now, [(EntryKind.EVIDENCE_RAISED, body)])
    told = ours(give(world, ids=(order,)).texts[order], key_of(world))
    assert isinstance(told, ProvenRemoval)
    assert told.levels == (
        (Level.STORE_REMOVED, world.clock.now - later),
        (Level.DEVICE_SYNCED, world.clock.now),
    )


@pytest.mark.parametrize("role", [Role.IT_ADMINISTRATOR, Role.WORKER, Role.LINE_MANAGER])
def test_who_may_not_read_the_log_is_given_none(world, role):
    with pytest.raises(DecisionRefusedError):
        give(world, role, sample=1)


def test_of_a_case_they_are_for_those_cleared_for_cases(world):
    with pytest.raises(DecisionRefusedError):
        give(world, Role.AUDITOR, case="100001")


# --- holds --------------------------------------------------------------------------------------------------------


def lines_since(world: World, size: int) -> list[tuple[str, dict[str, Any]]]:
    told = [(each.kind.value, dict(each.body)) for each in world.log()[size:]]
    for _, body in told:
        body.pop("commitment", None)
        body.pop("size", None)
    return told


def test_nothing_to_give_is_the_same_for_held_unknown_and_not_yet(plain):
    """Of a held contact, of one whose removal is only planned, of an id that there never was: nothing, and one line."""
    plain.tell(closed("100003", NUMBERS[7]), closed("100004", NUMBERS[8]))
    plain.put(NUMBERS[7])
    plain.put(NUMBERS[8])
    plain.look()
    plain.hold(case="100003")
    plain.plan()
    place = plain.rows(base.place)[0].uid
    items = [item_id(place, token_of(number)) for number in (NUMBERS[7], NUMBERS[8])]
    answers = []
    for wanted in (items[0], items[1], "0" * 16, "f" * 26):
        size = len(plain.log())
        given = give(plain, ids=(wanted,))
        answers.append((given.issued.count, given.texts, lines_since(plain, size)))
    assert answers == answers[:1] * 4
    for case in ("100003", "100004", "999999"):
        size = len(plain.log())
        given = give(plain, Role.PRIVACY_OFFICER, case=case)
        assert (given.issued.count, [kind for kind, _ in lines_since(plain, size)]) == (
            0,
            ["report_made", "restricted"],
        )


# --- whose contact it is ------------------------------------------------------------------------------------------


def test_a_cleared_person_shows_whose_contact_it_is_and_nobody_else_can(world):
    texts = give_all(world)
    told = {order: ours(text, key_of(world)) for order, text in texts.items()}
    removals = {order: each for order, each in told.items() if isinstance(each, ProvenRemoval)}
    found = {
        order: receipts.open_contact(world.context, Role.PRIVACY_OFFICER, each, NUMBERS[0])
        for order, each in removals.items()
    }
    (whose,) = [order for order, each in found.items() if each is not None]
    opening = found[whose]
    assert opening is not None
    assert read_opening(write_opening(opening)) == opening
    assert [order for order, each in removals.items() if opening.opens(each)] == [whose]
    other = ContactOpening(whose, opening.key, token_of(NUMBERS[1]))
    assert not other.opens(removals[whose])
    with pytest.raises(DecisionRefusedError):
        receipts.open_contact(world.context, Role.AUDITOR, removals[whose], NUMBERS[0])


# --- verifiers that know nothing of us ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script() -> Callable[..., int | bool]:
    """The shipped program, in this process; how it ends."""
    main = run_path(str(SCRIPT))["main"]

    def check(*words: str) -> int | bool:
        with redirect_stdout(StringIO()):
            return main(list(words))

    return check


def written(texts: Sequence[str], folder: Path) -> list[str]:
    folder.mkdir(exist_ok=True)
    files = [folder / f"{nth}.json" for nth in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8", newline="")
    return [str(file) for file in files]


def test_the_shipped_program_believes_them_in_a_bare_interpreter(world, tmp_path):
    files = written(list(give_all(world).values()), tmp_path / "given")
    keys = ["--witness", KEYS[0].text, "--witness", KEYS[1].text]
    argv = [sys.executable, "-I", "-S", str(SCRIPT), key_of(world), *files, *keys]
    told = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path, env={})
    assert (told.returncode, told.stdout.count("  BELIEVED"), told.stderr) == (0, 6, "")
    assert "signed by the log, and by w1.example, w2.example" in told.stdout


def test_the_shipped_program_is_short_and_imports_the_standard_library_alone():
    text = SCRIPT.read_text()
    imported = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert len(text.splitlines()) <= 200
    assert imported <= sys.stdlib_module_names


def test_others_libraries_believe_them_and_no_changed_one(world, tmp_path):
    try:
        program = built("check-receipts")
    except PartMissingError as missing:
        part_missing(str(missing))
    dice = random.Random(18)
    texts = list(give_all(world).values())
    changed = [proof_changed(dice, text) for text in texts * 5]
    files = written([*texts, *changed], tmp_path / "given")
    argv = [str(program), key_of(world), json.dumps([each.text for each in KEYS]), *files]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told[:6] == ["believed"] * 6
    assert [each.partition(":")[0] for each in told[6:]] == ["refused"] * 30


# --- what is not believed -----------------------------------------------------------------------------------------


def byte_changed(dice: random.Random, text: str) -> str:
    data = bytearray(text.encode())
    data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
    return data.decode("utf-8", "replace")


def rewritten(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def proof_changed(dice: random.Random, text: str) -> str:
    told = json.loads(text)
    proof = told["entries"][0]["proof"]
    fresh = base64.b64encode(dice.randbytes(32)).decode()
    match dice.randrange(4):
        case 0:
            proof[dice.randrange(len(proof))] = fresh
        case 1:
            del proof[dice.randrange(len(proof))]
        case 2:
            proof.insert(dice.randrange(len(proof) + 1), fresh)
        case _:
            told["entries"][0]["entry"] = told["entries"][0]["entry"].replace("store_", "stores_")
    return rewritten(told)


def words_changed(dice: random.Random, text: str) -> str:
    told = json.loads(text)
    sentences = told["statement"][dice.choice(["en", "nl"])]
    name = dice.choice(sorted(sentences))
    sentences[name] = byte_changed(dice, sentences[name])
    return rewritten(told)


def entry_changed(dice: random.Random, text: str) -> str:
    told = json.loads(text)
    entry = json.loads(told["entries"][0]["entry"])
    name = dice.choice(["at", "seq", *entry["body"]])
    if name == "seq":
        entry["seq"] += dice.choice([-1, 1, 256])
    elif name == "at":
        entry["at"] = entry["at"].replace("2025", "2024")
    else:
        entry["body"][name] = dice.choice([entry["body"][name][::-1] + "a", None, 7, "present"])
    told["entries"][0]["entry"] = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    return rewritten(told)


def head_changed(dice: random.Random, text: str) -> str:
    told = json.loads(text)
    note = told["head"]
    body, _, lines = note.partition("\n\n")
    match dice.randrange(4):
        case 0:
            note = byte_changed(dice, body) + "\n\n" + lines
        case 1:
            line = dice.choice(lines.splitlines())
            blob = bytearray(base64.b64decode(line.rpartition(" ")[2]))
            blob[dice.randrange(4, len(blob))] ^= 1 << dice.randrange(8)
            note = note.replace(line.rpartition(" ")[2], base64.b64encode(blob).decode())
        case 2:
            note = body + "\n\n" + lines.replace(dice.choice(lines.splitlines(keepends=True)), "", 1)
        case _:
            note = note[: dice.randrange(len(note))]
    return rewritten(told | {"head": note})


def joined(dice: random.Random, text: str) -> str:
    """A part is there twice, or not at all."""
    told = json.loads(text)
    match dice.randrange(4):
        case 0:
            told["entries"] = told["entries"] * 2
        case 1:
            told["entries"] = []
        case 2:
            del told[dice.choice(sorted(told))]
        case _:
            told["more"] = True
    return rewritten(told)


WAYS = [byte_changed, proof_changed, words_changed, entry_changed, head_changed, joined]


def test_a_thousand_changed_ones_are_refused(world):
    dice = random.Random(18)
    texts = list(give_all(world).values())
    key = key_of(world)
    accepted = []
    for nth in range(MUTATIONS):
        text, way = dice.choice(texts), WAYS[nth % len(WAYS)]
        changed = way(dice, text)
        if changed != text and not isinstance(ours(changed, key), ReceiptFault):
            accepted.append((nth, way.__name__))
    assert accepted == []


def test_the_shipped_program_refuses_what_ours_refuses(world, tmp_path, script):
    dice = random.Random(19)
    texts = list(give_all(world).values())
    changed = [way(dice, dice.choice(texts)) for way in WAYS for _ in range(3)]
    keys = ["--witness", KEYS[0].text, "--witness", KEYS[1].text]
    files = written([each for each in changed if each not in texts], tmp_path / "changed")
    assert len(files) >= 17
    assert [script(key_of(world), file, *keys) for file in files] == [True] * len(files)
    (good,) = written(texts[:1], tmp_path / "good")
    assert script(key_of(world), good, *keys) == 0


def swap_head(text: str, other: str) -> str:
    return rewritten(json.loads(text) | {"head": json.loads(other)["head"]})


def test_another_head_another_key_and_a_witness_that_never_signed_are_refused(world, tmp_path, script):
    older = give_all(world)
    order = next(iter(older))
    world.tell(closed("100009", NUMBERS[9]))
    world.put(NUMBERS[9])
    world.run()
    fresh = give_all(world)
    newest = next(iter(fresh.keys() - older.keys()))
    key, origin = key_of(world), parse_verifier_key(key_of(world))[1]
    stranger = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    another = verifier_key_text(stranger.public_key().public_bytes_raw(), origin)
    head = read_receipt(older[order]).head
    forged = rewritten(
        json.loads(older[order])
        | {"head": sign_checkpoint(log_checkpoints.read_checkpoint(head, *parse_verifier_key(key)), stranger, origin)}
    )
    absent = read_witness_policy(
        f"witness w1 {KEYS[0].text}\nwitness gone {replace(KEYS[1], name='w3.example').text}\n"
        "group both all w1 gone\nquorum both\n"
    )
    found = {
        "swapped": ours(swap_head(older[order], fresh[order]), key),
        "older": ours(swap_head(fresh[newest], older[order]), key),
        "other key": ours(older[order], another),
        "forged": ours(forged, key),
        "never signed": ours(older[order], key, absent),
    }
    assert found == {
        "swapped": ReceiptFault.NOT_IN_LOG,
        "older": ReceiptFault.NOT_IN_LOG,
        "other key": ReceiptFault.NOT_OF_THIS_LOG,
        "forged": ReceiptFault.NOT_OF_THIS_LOG,
        "never signed": ReceiptFault.NOT_COSIGNED,
    }
    files = written(
        [swap_head(older[order], fresh[order]), swap_head(fresh[newest], older[order]), forged, older[order]],
        tmp_path / "bad",
    )
    never = replace(KEYS[1], name="w3.example").text
    assert [script(key, each) for each in files] == [True, True, True, False]
    assert [script(another, files[3]), script(key, files[3], "--witness", never)] == [True, True]


def test_a_tampered_log_gives_no_receipt_rather_than_a_false_one(plain):
    with plain.context.store.write() as connection:
        connection.execute(update(base.statement).values(told="{}"))
    with pytest.raises(BadReceipt, match="words_changed"):
        give(plain, sample=1)


def test_receipts_are_proven_against_the_newest_head_that_enough_witnesses_signed(world):
    log_witnesses.tend(world.context)
    before = give_all(world)
    world.context = replace(world.context, ask_witness=Outside(world.folder))
    world.tell(closed("100009", NUMBERS[9]))
    world.put(NUMBERS[9])
    world.run()
    after = give_all(world)
    newest = next(iter(after.keys() - before.keys()))
    cosigned = [len(read_receipt(after[order]).head.splitlines()) for order in (next(iter(before)), newest)]
    assert cosigned == [7, 5]  # origin, size, root, blank, ours; and two witnesses where they were reached
