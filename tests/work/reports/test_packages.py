"""Evidence packages: asked for by one, confirmed by another, believed by others' programs, by nobody once changed."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from runpy import run_path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
from sqlalchemy import select

from mdm_adapters.port import Fault, Unreachable
from server.core.hold_record import Requester
from server.core.log.checkpoints import parse_verifier_key, verifier_key_text
from server.core.log.entries import EntryKind
from server.core.log.packages import BadPackageError, PackageFault, PackageManifest, PackageMember, write_manifest
from server.core.log.signed_answers import sign_answer
from server.core.log.witness_policy import WitnessPolicy
from server.core.model import Role
from server.core.package_record import OPEN_FOR, WAITS, Addressee, PackageBasis, PackageChoice, PackageStanding
from server.core.problems import InquiryRefusedError, PackageProblem, PackageRefusedError
from server.store.schema import base
from server.work.admin import log_checkpoints
from server.work.reports import inquiries, library, packages
from server.work.reports.inquiries import WantedMandate
from server.work.reports.package_files import OpenPackage, write_zip
from server.work.reports.packages import PackageMade, PackageRead, WantedPackage
from tests.conftest import part_missing
from tests.parts import PartMissingError, age
from tests.parts.witnesses import built
from tests.work.reports.test_inquiries import ON_SQLITE, person
from tests.work.reports.test_receipts import lines_since, removed
from tests.work.world import KEYS, NUMBERS, World, closed, days

SCRIPT = Path(__file__).parents[3] / "deploy" / "verify_package.py"
MUTATIONS = 1_000
Files = dict[str, bytes]


@dataclass
class Desk:
    """Two people at the desk of packages, and the key of whom they are for."""

    world: World
    folder: Path
    identity: Any
    one: Any
    other: Any

    @classmethod
    def of(cls, world: World, folder: Path, one: Role, other: Role) -> Desk:
        return cls(
            *(world, folder, pyrage.x25519.Identity.generate()),
            *(person(world.context, one), person(world.context, other, nth=2)),
        )

    @property
    def key(self) -> tuple[bytes, str]:
        return parse_verifier_key(self.key_text)

    @property
    def key_text(self) -> str:
        return log_checkpoints.verifier_key(self.world.context)

    def wanted(self, changes: Mapping[str, Any] | None = None, **chosen: Any) -> WantedPackage:
        given = WantedPackage(
            *(self.other.uid, Addressee.INSPECTORATE, PackageBasis.SUPERVISORY_POWERS, "A sample for the inspection."),
            *(f"{self.identity.to_public()}\n", PackageChoice(**chosen), "nl"),
        )
        return replace(given, **(changes or {}))

    def ask(self, changes: Mapping[str, Any] | None = None, **chosen: Any) -> str:
        return packages.ask(self.world.context, self.one, self.wanted(changes, **chosen)).uid

    def confirmed(self, changes: Mapping[str, Any] | None = None, **chosen: Any) -> str:
        uid = self.ask(changes, **chosen)
        packages.decide(self.world.context, self.other, uid, granted=True)
        return uid

    def make(self, uid: str, name: str = "given", **how: Any) -> PackageMade:
        to = self.folder / name
        to.mkdir(exist_ok=True)
        return packages.make(self.world.context, self.one, uid, to, **how)

    def plain(self, made: PackageMade) -> bytes:
        return pyrage.decrypt(made.file.read_bytes(), [self.identity])

    def read(self, made: PackageMade, **how: Any) -> PackageRead:
        return packages.read_package(made.file, str(self.identity), self.key, WitnessPolicy(), **how)


@pytest.fixture
def world(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    return begin_after(removed)


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk.of(world, tmp_path, Role.PRIVACY_OFFICER, Role.DATA_PROTECTION_OFFICER)


@pytest.fixture
def officers(world: World, tmp_path: Path) -> Desk:
    """Two people who are cleared for holds."""
    return Desk.of(world, tmp_path, Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR)


def kept_report(desk: Desk) -> str:
    today = desk.world.context.today()
    uid = library.ask_for(desk.world.context, desk.one.role, "removals", today - days(30), today, wait=60)
    assert library.read_report(desk.world.context, uid) is not None
    return uid


def refused(act: Callable[..., object], *given: object, **how: object) -> PackageProblem:
    with pytest.raises(PackageRefusedError) as caught:
        act(*given, **how)
    return caught.value.problem


def files_of(data: bytes) -> Files:
    with ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archived(files: Mapping[str, bytes]) -> bytes:
    return b"".join(write_zip(files.items()))


def fault_of(data: bytes, key: tuple[bytes, str]) -> PackageFault | None:
    """Why our own command does not believe it; None: it does."""
    try:
        OpenPackage(BytesIO(data)).check(key, WitnessPolicy())
    except BadPackageError as bad:
        return bad.fault
    return None


@pytest.fixture(scope="module")
def script() -> Callable[..., int]:
    """The shipped program, in this process; how it ends."""
    main = run_path(str(SCRIPT))["main"]

    def check(*words: str) -> int:
        with redirect_stdout(StringIO()):
            return int(main(list(words)))

    return check


# --- what it holds ------------------------------------------------------------------------------------------------


def test_a_package_holds_what_was_chosen_and_who_had_it_and_made_again_it_is_the_same(desk):
    report = kept_report(desk)
    uid = desk.confirmed(sample=4, seed="word", reports=(report,), first=0, last=3)
    size = len(desk.world.log())
    first = desk.make(uid)
    found = desk.read(first, into=desk.folder / "opened")
    told = found.package.manifest
    assert (len(found.removals), told.receipts, told.mode, told.seed, told.population) == (4, 4, "sample", "word", 6)
    assert [(each.verb, each.role) for each in found.package.custody] == [
        ("asked", "privacy_officer"),
        ("confirmed", "data_protection_officer"),
    ]
    (within,) = told.reports
    entry = desk.world.log()[within.line]
    form = (desk.folder / "opened" / within.name).read_bytes()
    assert (entry.kind, entry.body["digest"]) == (EntryKind.REPORT_MADE, hashlib.sha256(form).hexdigest())
    names = [each.name for each in told.members]
    assert names[:4] == ["README.txt", "head.txt", "entries.jsonl", "custody.json"]
    assert [name.partition("/")[0] for name in names[4:]] == ["receipts"] * 4 + ["reports"] * 2
    kinds = lines_since(desk.world, size)
    (made,) = [body for kind, body in kinds if kind == "package_changed"]
    assert (made["verb"], made["addressee"], made["basis"], made["digest"]) == (
        *("made", "inspectorate", "supervisory_powers"),
        hashlib.sha256(first.file.read_bytes()).hexdigest(),
    )
    desk.world.tell(closed("100009", NUMBERS[9]))
    desk.world.put(NUMBERS[9])
    desk.world.run()
    second = desk.make(uid, "again")
    assert desk.plain(second) == desk.plain(first)
    assert second.manifest_digest == first.manifest_digest
    assert refused(desk.make, uid) is PackageProblem.FILE_THERE


def test_no_number_no_name_and_no_account_stands_in_it(desk):
    with desk.world.context.store.read() as connection:
        names = connection.execute(select(base.account.c.name)).scalars().all()
    made = desk.make(desk.confirmed(case="100001", first=0, last=5))
    whole = desk.plain(made)
    shown = [*(number.replace("-", "") for number in NUMBERS[:6]), "worker-1", "100001", *map(str, names)]
    assert [each for each in shown if each.encode() in whole] == []
    assert desk.read(made).package.manifest.receipts == 4


# --- programs that know nothing of us -----------------------------------------------------------------------------


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def root_by(index: int, size: int, leaf: bytes, path: list[bytes]) -> bytes:
    """The root that an audit path leads to, by the recursion of RFC 6962, 2.1.1, which no code of ours has."""
    if size == 1:
        assert path == []
        return leaf
    half = 1 << ((size - 1).bit_length() - 1)
    rest, last = path[:-1], path[-1]
    if index < half:
        return node(root_by(index, half, leaf, rest), last)
    return node(last, root_by(index - half, size - half, leaf, rest))


def note_is_signed(note: str, key: tuple[bytes, str]) -> str:
    """The text of a note (c2sp.org/signed-note), if its first signature is by that key."""
    text, _, lines = note.rpartition("\n\n")
    _, name, blob = lines.splitlines()[0].split(" ")
    signature = base64.b64decode(blob)
    identity = hashlib.sha256(key[1].encode() + b"\n\1" + key[0]).digest()[:4]
    assert (name, signature[:4]) == (key[1], identity)
    Ed25519PublicKey.from_public_bytes(key[0]).verify(signature[4:], (text + "\n").encode())
    return text + "\n"


@ON_SQLITE
def test_official_age_opens_it_and_what_the_published_formats_say_holds(desk, tmp_path):
    try:
        theirs, receipts = age.keygen(tmp_path), built("check-receipts")
    except PartMissingError as missing:
        part_missing(str(missing))
    made = desk.make(desk.confirmed({"recipients": theirs.recipient}, sample=3, first=0, last=9))
    age.decrypt(theirs, made.file, tmp_path / "package.zip")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", "package.zip", "opened"], check=True, cwd=tmp_path)
    opened = tmp_path / "opened"
    origin, size, root, _ = note_is_signed((opened / "head.txt").read_text(), desk.key).split("\n")
    for line in (opened / "entries.jsonl").read_text().splitlines():
        told = json.loads(line)
        leaf = hashlib.sha256(b"\0" + told["entry"].encode()).digest()
        path = [base64.b64decode(each) for each in told["proof"]]
        assert root_by(json.loads(told["entry"])["seq"], int(size), leaf, path) == base64.b64decode(root)
    manifest = json.loads((opened / "manifest.json").read_text())
    said = json.dumps(manifest["package"], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = base64.b64encode(hashlib.sha256(said.encode()).digest()).decode()
    assert note_is_signed(manifest["note"], desk.key) == f"closeout package 1\nsha256\n{digest}\n"
    assert (origin, manifest["package"]["origin"]) == (desk.key[1],) * 2
    for each in manifest["package"]["members"]:
        assert hashlib.sha256((opened / each["name"]).read_bytes()).hexdigest() == each["sha256"]
    within = sorted((opened / "receipts").iterdir())
    judged = subprocess.run([receipts, desk.key_text, "[]", *within], capture_output=True, text=True, check=True)
    assert judged.stdout.splitlines() == ["believed"] * 3

    bare = [sys.executable, "-I", "-S", str(SCRIPT), desk.key_text, "package.zip"]
    shown = subprocess.run(bare, capture_output=True, text=True, check=False, cwd=tmp_path, env={})
    assert (shown.returncode, shown.stdout.count("BELIEVED"), shown.stderr) == (0, 1, "")
    assert "receipts: 3 {'store_removed': 3} sample" in shown.stdout


def test_the_shipped_program_is_short_and_imports_the_standard_library_alone():
    text = SCRIPT.read_text()
    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    }
    assert len(text.splitlines()) <= 200
    assert imported <= sys.stdlib_module_names


# --- the time-stamp -----------------------------------------------------------------------------------------------

TSA = """
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = tsa.pem
certs = ca.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
[stamping]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
"""


class OpensslAuthority:
    """A time-stamp authority that is `openssl ts`, in a folder of its own, with a root above its certificate."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            part_missing("openssl")
        folder.mkdir()
        self.folder = folder
        (folder / "tsa.cnf").write_text(TSA)
        (folder / "serial").write_text("01\n")
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        self._run("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=Root")
        self._run("req", *ec, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Time stamps")
        self._run(
            *(
                "x509",
                "-req",
                "-in",
                "tsa.csr",
                "-CA",
                "ca.pem",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-days",
                "3000",
            ),
            *("-extfile", "tsa.cnf", "-extensions", "stamping", "-out", "tsa.pem"),
        )

    def __call__(self, request: bytes) -> bytes:
        (self.folder / "query.tsq").write_bytes(request)
        self._run(
            *("ts", "-reply", "-config", "tsa.cnf", "-section", "here", "-queryfile", "query.tsq", "-out", "answer.tsr")
        )
        return (self.folder / "answer.tsr").read_bytes()

    def verifies(self, stamp: bytes, content: bytes) -> bool:
        (self.folder / "it.tsr").write_bytes(stamp)
        (self.folder / "it").write_bytes(content)
        how = ["openssl", "ts", "-verify", "-in", "it.tsr", "-data", "it", "-CAfile", "ca.pem"]
        return subprocess.run(how, cwd=self.folder, capture_output=True, check=False).returncode == 0

    @property
    def roots(self) -> list[Any]:
        return list(packages.time_stamps.read_roots((self.folder / "ca.pem").read_bytes()))

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, check=True)


@ON_SQLITE
def test_openssl_stamps_it_and_verifies_the_stamp_and_so_do_we(desk, tmp_path):
    authority = OpensslAuthority(tmp_path / "authority")
    other = OpensslAuthority(tmp_path / "other")
    uid = desk.confirmed(sample=2)
    plain = desk.make(uid, "plain")
    desk.world.context = replace(desk.world.context, stamp_time=authority)
    made = desk.make(uid)
    files = files_of(desk.plain(made))
    stamp = files.pop("manifest.tsr")
    assert archived(files) == desk.plain(plain)
    assert authority.verifies(stamp, files["manifest.json"])
    assert not authority.verifies(stamp, files["manifest.json"] + b" ")
    found = desk.read(made, roots=authority.roots)
    assert (made.stamped, found.has_stamp, found.stamped_at is not None) == (True, True, True)
    assert desk.read(made).stamped_at is None

    def fault(given: PackageMade, roots: list[Any]) -> PackageFault:
        with pytest.raises(BadPackageError) as caught:
            desk.read(given, roots=roots)
        return caught.value.fault

    assert fault(made, other.roots) is PackageFault.STAMP_FALSE
    assert fault(plain, authority.roots) is PackageFault.STAMP_MISSING
    for stands_for in (
        other(authority_request(files["manifest.json"] + b" ")),
        stamp[:-1],
        b"",
        b"\x30\x00",
        stamp * 2,
    ):
        changed = tmp_path / "changed.zip"
        changed.write_bytes(archived({**files, "manifest.tsr": stands_for}))
        with pytest.raises(BadPackageError):
            packages.read_package(changed, "", desk.key, WitnessPolicy(), authority.roots)

    def gone(_request: bytes) -> bytes:
        raise Unreachable(Fault.NO_CONNECTION)

    for bad in (gone, lambda _: b"no answer", lambda _: stamp):
        desk.world.context = replace(desk.world.context, stamp_time=bad)
        assert refused(desk.make, uid, "none") is PackageProblem.NO_STAMP
    assert list((tmp_path / "none").iterdir()) == []


def authority_request(content: bytes) -> bytes:
    return TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()


# --- what is not believed -----------------------------------------------------------------------------------------


def signed_anew(files: Files, desk: Desk) -> bytes:
    """Files with a manifest that fits them, by the organisation's own key: what an insider with that key could make."""
    told = json.loads(files["manifest.json"])["package"]
    told.pop("format")
    members = tuple(
        PackageMember(name, len(content), hashlib.sha256(content).hexdigest())
        for name, content in files.items()
        if not name.startswith("manifest.")
    )
    reports = tuple(packages.ReportWithin(**each) for each in told.pop("reports"))
    manifest = PackageManifest(**{**told, "members": members}, reports=reports)
    return archived({**files, "manifest.json": write_manifest(manifest, KEYS.signer).encode()})


def with_line(files: Files, change: Callable[[dict[str, Any]], object]) -> Files:
    """The second line of the log in it changed."""
    lines = files["entries.jsonl"].decode().splitlines()
    told = json.loads(lines[1])
    change(told)
    lines[1] = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return {**files, "entries.jsonl": "".join(f"{each}\n" for each in lines).encode()}


def with_custody(files: Files, change: Callable[[list[dict[str, Any]]], object]) -> Files:
    told = json.loads(files["custody.json"])
    change(told["events"])
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    return {**files, "custody.json": text.encode()}


def test_an_insider_with_the_signing_key_does_not_make_it_say_what_the_log_does_not(desk, tmp_path, script):
    report = kept_report(desk)
    files = files_of(desk.plain(desk.make(desk.confirmed(sample=2, reports=(report,), first=0, last=3))))
    desk.world.tell(closed("100009", NUMBERS[9]))
    desk.world.run()
    later = files_of(desk.plain(desk.make(desk.confirmed(sample=2, first=0, last=3), "later")))
    receipt = next(name for name in files if name.startswith("receipts/"))
    form = next(name for name in files if name.endswith(".json") and name.startswith("reports/"))
    lies: dict[str, tuple[Files, PackageFault]] = {
        "a line": (
            with_line(files, lambda told: told.update(entry=told["entry"].replace('"seq":1', '"seq":2'))),
            PackageFault.NOT_IN_LOG,
        ),
        "a path": (with_line(files, lambda told: told["proof"].pop()), PackageFault.NOT_IN_LOG),
        "who": (with_custody(files, lambda events: events[0].update(role="auditor")), PackageFault.CUSTODY_FALSE),
        "when": (
            with_custody(files, lambda events: events[1].update(at=events[0]["at"], line=events[0]["line"])),
            PackageFault.CUSTODY_FALSE,
        ),
        "one person": (
            with_custody(files, lambda events: events[1].update(by=events[0]["by"])),
            PackageFault.CUSTODY_FALSE,
        ),
        "a report": ({**files, form: files[form].replace(b"removed", b"remowed")}, PackageFault.REPORT_FALSE),
        "a receipt": ({**files, receipt: files[receipt].replace(b"closed", b"cloced")}, PackageFault.RECEIPT_FALSE),
        "another head": ({**files, "head.txt": later["head.txt"]}, PackageFault.HEAD_CHANGED),
        "no custody": (
            {name: each for name, each in files.items() if name != "custody.json"},
            PackageFault.CUSTODY_FALSE,
        ),
        "a receipt less": ({name: each for name, each in files.items() if name != receipt}, PackageFault.FILES_DIFFER),
        "an unknown file": ({**files, "extra.txt": b"more"}, PackageFault.NOT_A_PACKAGE),
    }
    assert fault_of(signed_anew(files, desk), desk.key) is None
    found = {name: fault_of(signed_anew(changed, desk), desk.key) for name, (changed, _) in lies.items()}
    assert found == {name: fault for name, (_, fault) in lies.items()}
    of_script = {}
    for name, (changed, _) in lies.items():
        (tmp_path / "lie.zip").write_bytes(signed_anew(changed, desk))
        of_script[name] = script(desk.key_text, str(tmp_path / "lie.zip"))
    assert of_script == dict.fromkeys(lies, 1)


def zipped(members: list[tuple[str, bytes]], **how: Any) -> bytes:
    """As others' programs write an archive."""
    out = BytesIO()
    with ZipFile(out, "w", **how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def byte_changed(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1 :]


def cut_off(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randrange(len(data))]


def member_changed(dice: random.Random, data: bytes) -> bytes:
    """Well packed, and a file in it is not what it was."""
    files = files_of(data)
    name = dice.choice(sorted(files))
    return archived({**files, name: byte_changed(dice, files[name])})


def member_gone(dice: random.Random, data: bytes) -> bytes:
    files = files_of(data)
    del files[dice.choice(sorted(files))]
    return archived(files)


def member_more(dice: random.Random, data: bytes) -> bytes:
    files = list(files_of(data).items())
    files.insert(dice.randrange(len(files) + 1), (f"receipts/{dice.randrange(1000)}.json", dice.randbytes(20)))
    return archived(dict(files))


def out_of_order(dice: random.Random, data: bytes) -> bytes:
    files = list(files_of(data).items())
    one, other = dice.sample(range(len(files)), 2)
    files[one], files[other] = files[other], files[one]
    return archived(dict(files))


def followed(dice: random.Random, data: bytes) -> bytes:
    return data + dice.randbytes(dice.randrange(1, 30)) if dice.random() < 0.5 else dice.randbytes(9) + data


WAYS = [byte_changed, byte_changed, cut_off, member_changed, member_gone, member_more, out_of_order, followed]


@ON_SQLITE
def test_a_thousand_changed_ones_are_refused_by_us_and_by_the_shipped_program(desk, tmp_path, script):
    dice = random.Random(18)
    data, key = desk.plain(desk.make(desk.confirmed(sample=2, first=0, last=3))), desk.key
    assert fault_of(data, key) is None
    accepted = []
    for nth in range(MUTATIONS):
        way = WAYS[nth % len(WAYS)]
        changed = way(dice, data)
        ours = fault_of(changed, key)
        if changed != data and ours is None:
            accepted.append((nth, way.__name__))
        if nth < 2 * len(WAYS):
            (tmp_path / "changed.zip").write_bytes(changed)
            assert script(desk.key_text, str(tmp_path / "changed.zip")) == (0 if ours is None else 1)
    assert accepted == []


@ON_SQLITE
def test_names_that_lead_elsewhere_bombs_and_others_keys_are_refused(desk, tmp_path, script):
    made = desk.make(desk.confirmed(sample=1, first=0, last=1))
    data = desk.plain(made)
    files = files_of(data)
    inside = list(files.items())
    zeros = bytes(1 << 20)
    hostile = {
        "above": zipped([("../up.txt", b"x"), *inside]),
        "absolute": zipped([("/etc/up.txt", b"x"), *inside]),
        "two folders": zipped([("receipts/x/y.json", b"x"), *inside]),
        "a drive": zipped([("C:up.txt", b"x"), *inside]),
        "backwards": zipped([("receipts\\up.txt", b"x"), *inside]),
        "hidden": zipped([(".profile", b"x"), *inside]),
        "no end": zipped([("receipts/", b""), *inside]),
        "other letters": zipped([("réceipt.txt", b"x"), *inside]),
        "a bomb": zipped([("README.txt", zeros * 8), *inside[1:]], compression=ZIP_DEFLATED),
        "nothing": b"",
        "no archive": b"PK\5\6" + bytes(18),
        "a text": b"package",
        "compressed": zipped(inside, compression=ZIP_DEFLATED),
        "packed by others": zipped(inside),
    }
    lies_of_size = bytearray(data)
    central = data.index(b"PK\1\2")
    lies_of_size[central + 20 : central + 28] = b"\xff\xff\xff\x7f" * 2
    hostile["says it is large"] = bytes(lies_of_size)
    found = {name: fault_of(each, desk.key) for name, each in hostile.items()}
    plain = {"nothing", "no archive", "a text", "packed by others"}
    assert found == {name: PackageFault.NOT_A_PACKAGE if name in plain else PackageFault.UNSAFE for name in hostile}
    for name, each in hostile.items():
        (tmp_path / "hostile.zip").write_bytes(each)
        assert (name, script(desk.key_text, str(tmp_path / "hostile.zip"))) == (name, 1)

    stranger = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    another = verifier_key_text(stranger.public_key().public_bytes_raw(), desk.key[1])
    assert fault_of(data, parse_verifier_key(another)) is PackageFault.NOT_OF_THIS_LOG
    (tmp_path / "good.zip").write_bytes(data)
    assert [script(each, str(tmp_path / "good.zip")) for each in (desk.key_text, another)] == [0, 1]
    identity = pyrage.x25519.Identity.generate()
    closed_to = [desk.key, WitnessPolicy()]
    assert refused(packages.read_package, made.file, str(identity), *closed_to) is PackageProblem.NOT_FOR_THIS_KEY
    assert refused(packages.read_package, made.file, "no key", *closed_to) is PackageProblem.BAD_IDENTITY
    spoilt = tmp_path / "spoilt.age"
    spoilt.write_bytes(made.file.read_bytes()[:-40])
    with pytest.raises(BadPackageError):
        packages.read_package(spoilt, str(desk.identity), *closed_to, into=tmp_path / "never")
    assert not (tmp_path / "never").exists()


# --- four eyes ----------------------------------------------------------------------------------------------------


@ON_SQLITE
def test_one_asks_and_another_confirms_and_nobody_else_knows_of_it(desk):
    context = desk.world.context
    uid = desk.ask(sample=1)
    third = person(context, Role.PRIVACY_OFFICER, nth=3)
    assert refused(packages.decide, context, desk.one, uid, granted=True) is PackageProblem.NOT_FOUND
    assert refused(packages.decide, context, third, uid, granted=True) is PackageProblem.NOT_FOUND
    assert refused(packages.find_request, context, third, uid) is PackageProblem.NOT_FOUND
    assert refused(desk.make, uid) is PackageProblem.NOT_CONFIRMED
    assert [standing for _, standing in packages.list_requests(context, desk.other)] == [PackageStanding.WAITING]
    packages.decide(context, desk.other, uid, granted=True)
    assert refused(packages.decide, context, desk.other, uid, granted=False) is PackageProblem.NOT_FOUND
    assert refused(packages.make, context, third, uid, desk.folder) is PackageProblem.NOT_FOUND
    desk.make(uid)
    refused_one, withdrawn, late = desk.ask(sample=1), desk.ask(sample=1), desk.ask(sample=1)
    packages.decide(context, desk.other, refused_one, granted=False)
    packages.decide(context, desk.one, withdrawn, granted=False)
    desk.world.clock.pass_(WAITS)
    assert refused(packages.decide, context, desk.other, late, granted=True) is PackageProblem.NOT_FOUND
    for each in (refused_one, withdrawn, late):
        assert refused(desk.make, each) is PackageProblem.NOT_CONFIRMED
    desk.world.clock.pass_(OPEN_FOR - WAITS - timedelta(seconds=1))
    desk.make(uid, "in time")
    desk.world.clock.pass_(timedelta(seconds=1))
    assert refused(desk.make, uid, "late") is PackageProblem.OVER
    verbs = [dict(entry.body)["verb"] for entry in desk.world.log() if entry.kind is EntryKind.PACKAGE_CHANGED]
    assert verbs == ["asked", "confirmed", "made", *["asked"] * 3, "refused", "withdrawn", "made"]


@ON_SQLITE
def test_other_roles_ask_for_none_and_the_log_says_that_they_tried(desk):
    for role in {*Role} - packages.MAY_ASK - {Role.WORKER, Role.CASE_SYSTEM}:
        other = replace(desk, one=person(desk.world.context, role, nth=5))
        assert refused(other.ask, sample=1) is PackageProblem.NOT_CLEARED
        entry = desk.world.log()[-1]
        assert (entry.kind, entry.body["what"], entry.body["actor_role"]) == (EntryKind.REFUSED, "package", role.value)


@ON_SQLITE
def test_what_cannot_be_asked_for_is_refused_in_words(desk, officers):
    context = desk.world.context
    worse: list[tuple[PackageProblem, Mapping[str, Any], Mapping[str, Any]]] = [
        (PackageProblem.NOTHING_CHOSEN, {}, {}),
        (PackageProblem.SAYS_NOTHING, {"purpose": " - "}, {"sample": 1}),
        (PackageProblem.TEXT_TOO_LONG, {"purpose": "word " * 70}, {"sample": 1}),
        (PackageProblem.IDENTIFIER_IN_TEXT, {"purpose": "About 06-12345601."}, {"sample": 1}),
        (PackageProblem.NO_RECIPIENT, {"recipients": "# nobody\n"}, {"sample": 1}),
        (PackageProblem.BAD_RECIPIENT, {"recipients": "age1notakey\n"}, {"sample": 1}),
        (PackageProblem.SECOND_NOT_FIT, {"second": desk.one.uid}, {"sample": 1}),
        (PackageProblem.SECOND_NOT_FIT, {"second": "nobody"}, {"sample": 1}),
        (PackageProblem.BAD_SEED, {}, {"sample": 1, "seed": "Not A Seed"}),
        (PackageProblem.TOO_MUCH, {}, {"sample": 20_001}),
        (PackageProblem.TOO_MUCH, {}, {"first": 0, "last": 10_000}),
        (PackageProblem.UNKNOWN_LINE, {}, {"first": 0, "last": 9_999}),
        (PackageProblem.UNKNOWN_REPORT, {}, {"reports": ("0" * 16,)}),
        (PackageProblem.NOT_CLEARED, {}, {"opened": (1,)}),
        (PackageProblem.NOT_CLEARED, {}, {"answers": ("0" * 64,)}),
    ]
    assert [refused(desk.ask, changes, **chosen) for _, changes, chosen in worse] == [each for each, *_ in worse]
    not_fit = {"second": desk.one.uid}
    assert refused(officers.ask, not_fit, sample=1) is PackageProblem.SECOND_NOT_FIT, "not cleared for holds"
    assert refused(officers.ask, opened=(0,)) is PackageProblem.NOT_RESTRICTED
    investigator = replace(officers, one=officers.other, other=officers.one)
    assert refused(investigator.ask, sample=1) is PackageProblem.NEEDS_MANDATE
    with pytest.raises(InquiryRefusedError):
        investigator.ask({"mandate": "0" * 12}, sample=1)
    today = context.today()
    mandate = inquiries.record(
        context,
        investigator.one,
        WantedMandate(
            investigator.other.uid, Requester.POLICE, "why", "worker-1", today - days(9), today, today + days(9)
        ),
    )
    with pytest.raises(InquiryRefusedError):
        investigator.ask({"mandate": mandate}, sample=1)
    inquiries.decide_mandate(context, investigator.other, mandate, granted=True)
    assert investigator.read(investigator.make(investigator.confirmed({"mandate": mandate}, sample=1))).removals


# --- silence ------------------------------------------------------------------------------------------------------


def kinds_of(world: World, size: int) -> list[str]:
    return [kind for kind, _ in lines_since(world, size)]


@ON_SQLITE
def test_officers_packages_are_restricted_and_show_what_they_open_and_nothing_more(officers, desk):
    world = officers.world
    world.hold(case="100002")
    held = max(entry.seq for entry in world.log() if entry.kind is EntryKind.RESTRICTED)
    size = len(world.log())
    row = len(world.rows(base.package_list)[0].sealed)
    uid = officers.confirmed(
        {"addressee": Addressee.POLICE, "basis": PackageBasis.CRIMINAL_DEMAND}, opened=(held,), sample=2
    )
    made = officers.make(uid)
    assert set(kinds_of(world, size)) == {"restricted"}
    assert len(world.rows(base.package_list)[0].sealed) == row
    assert packages.list_requests(world.context, desk.one) == []
    found = officers.read(made)
    told = dict(found.package.opened)
    assert (told[held].startswith("hold_set "), len(told), found.package.manifest.restricted) == (True, 3, True)
    files = files_of(officers.plain(made))
    lines = files["openings.jsonl"].decode().splitlines()
    other = json.loads(lines[0])
    other["body"] = other["body"].replace("hold_set", "hold_end")
    spoilt = {**files, "openings.jsonl": "".join(f"{json.dumps(other, sort_keys=True)}\n" for _ in lines).encode()}
    assert fault_of(signed_anew(spoilt, officers), officers.key) is PackageFault.OPENING_FALSE


@ON_SQLITE
def test_what_is_held_is_to_the_uncleared_as_what_never_was(desk):
    world = desk.world
    world.tell(closed("100003", NUMBERS[6], NUMBERS[7]))
    world.put(NUMBERS[6])
    world.hold(case="100003")
    world.run()
    answers = []
    for case in ("100003", "999999"):
        size = len(world.log())
        uid = desk.confirmed(case=case)
        problem = refused(desk.make, uid)
        shown = [(kind, {**body, "package": "", "digest": ""}) for kind, body in lines_since(world, size)
                 if kind == "package_changed"]  # fmt: skip
        answers.append((problem, shown, kinds_of(world, size)))
    assert answers == answers[:1] * 2
    assert answers[0][0] is PackageProblem.NOTHING_THERE
    assert list((desk.folder / "given").iterdir()) == []


# --- a signed answer of an inquiry --------------------------------------------------------------------------------


@ON_SQLITE
def test_a_signed_answer_goes_in_unchanged_and_no_other_file_does(officers):
    context = officers.world.context
    text = sign_answer({"cases": ["100001"]}, KEYS.signer, officers.key[1])
    digest = packages.digest_of_answer(context, text)
    assert refused(packages.digest_of_answer, context, text.replace("100001", "100002")) is PackageProblem.OTHER_ANSWER
    uid = officers.confirmed(answers=(digest,))
    assert refused(officers.make, uid) is PackageProblem.OTHER_ANSWER
    made = officers.make(uid, answers=[text])
    assert officers.read(made).package.answers == 1
    assert files_of(officers.plain(made))["answers/answer-1.json"].decode() == text
