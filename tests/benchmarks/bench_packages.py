"""An evidence package of a thousand receipts out of a log of a hundred thousand entries: made, and believed.

Made as `closeout package make` makes it, sealed; believed as `closeout package verify` does, and by the program for
strangers, whose arithmetic is Python's. Goal: believed in 3 s. The peer is `openssl dgst` over the same file: bytes
alone, no proof.
Run: `python -m tests.benchmarks.bench_packages [RECEIPTS]`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyrage

from server.core.log.checkpoints import parse_verifier_key
from server.core.log.witness_policy import WitnessPolicy
from server.core.model import Role
from server.core.package_record import Addressee, PackageBasis, PackageChoice
from server.work.admin import access, log_checkpoints
from server.work.context import Context
from server.work.reports import packages
from server.work.reports.packages import WantedPackage
from tests.benchmarks.bench_receipts import lay_log
from tests.benchmarks.ground import context_on, drop_database, empty_database

RECEIPTS = 1_000
ENTRIES = 100_000
_SCRIPT = Path(__file__).parents[2] / "deploy" / "verify_package.py"


def confirmed(context: Context, count: int, recipient: str) -> tuple[access.Person, str]:
    """A request that two people stand for; who asked, and its id."""
    people = []
    for role in (Role.PRIVACY_OFFICER, Role.DATA_PROTECTION_OFFICER):
        found = access.stand_for(context, str(access.demo_account(context, role).name), role)
        if found is None:
            raise RuntimeError("no account")
        people.append(found)
    one, other = people
    wanted = WantedPackage(
        *(other.uid, Addressee.INSPECTORATE, PackageBasis.SUPERVISORY_POWERS, "A sample.", recipient),
        PackageChoice(sample=count, seed="bench"),
        "nl",
    )
    uid = packages.ask(context, one, wanted).uid
    packages.decide(context, other, uid, granted=True)
    return one, uid


def run(count: int = RECEIPTS) -> dict[str, Any]:
    """All figures, on SQLite: a package is read where there is no database."""
    url = empty_database("sqlite")
    context = context_on(url)
    lay_log(context, ENTRIES)
    identity = pyrage.x25519.Identity.generate()
    person, uid = confirmed(context, count, f"{identity.to_public()}\n")
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        made = packages.make(context, person, uid, Path(folder))
        seconds = time.perf_counter() - started
        text = log_checkpoints.verifier_key(context)
        key, plain = parse_verifier_key(text), Path(folder) / "plain.zip"
        started, cpu = time.perf_counter(), time.process_time()
        found = packages.read_package(made.file, str(identity), key, WitnessPolicy())
        believed, believed_cpu = time.perf_counter() - started, time.process_time() - cpu
        plain.write_bytes(pyrage.decrypt(made.file.read_bytes(), [identity]))
        started = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", _SCRIPT, text, plain], check=True, capture_output=True)
        by_script = time.perf_counter() - started
        started = time.perf_counter()
        subprocess.run(["openssl", "dgst", "-sha256", plain], check=True, capture_output=True)
        digest = time.perf_counter() - started
    context.store.close()
    drop_database(url)
    return {
        "receipts": len(found.removals),
        "bytes": made.bytes,
        "make_s": round(seconds, 2),
        "believe_s": round(believed, 2),
        "believe_cpu_s": round(believed_cpu, 2),
        "script_s": round(by_script, 2),
        "openssl_dgst_s": round(digest, 2),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*map(int, sys.argv[1:2])), indent=2) + "\n")
