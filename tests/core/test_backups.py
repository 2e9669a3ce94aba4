"""What a backup says of itself is read back as it was written, and public keys and shared ones are known."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from server.core.admin.backups import (
    BackupKind,
    BackupManifest,
    BackupPart,
    base_name,
    marks_of,
    opens_both,
    read_manifest,
    read_recipients,
    write_manifest,
)

AT = datetime(2026, 11, 30, 23, 5, 7, tzinfo=UTC)
MANIFEST = BackupManifest(
    BackupKind.DATABASE, "closeout/0123456789ab", "closeout/0123456789ab+aa+bb", AT, 7, "ab" * 32,
    (BackupPart("database.sqlite", 4096, "cd" * 32),), "0027", "sqlite", {"worker": 2},
)  # fmt: skip
FIRST = "age1lvu0uht8xf56el4mjs98g3j0llvqzu78eept3g68suj87m6s09fqp0wwu9"
SECOND = "age1n2mgmhmwjt8uv3ss6a2la2r23q5xngq2fhqev8mfftnm2jzq3p8qn0dq2p"


def test_a_manifest_is_read_as_it_was_written():
    assert read_manifest(write_manifest(MANIFEST)) == MANIFEST


@pytest.mark.parametrize(
    "change",
    [
        {"format": "closeout-backup/2"},
        {"kind": "both"},
        {"made_at": "2026-11-30T23:05:07"},
        {"parts": [{"name": "database.sqlite"}]},
        {"rows": 7},
        {"size": "many"},
        {"else": "1"},
    ],
)
def test_what_is_no_manifest_is_refused_and_repeated_nowhere(change):
    with pytest.raises(ValueError, match=r"^not the manifest of a backup$"):
        read_manifest(json.dumps(json.loads(write_manifest(MANIFEST)) | change).encode())


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"\xff", b"{" * 100_000])
def test_nor_is_any_other_text_one(text):
    with pytest.raises(ValueError, match=r"^not the manifest of a backup$"):
        read_manifest(text)


def test_names_of_backups_sort_by_installation_kind_and_instant():
    assert base_name("closeout/0123456789ab", BackupKind.KEYS, AT) == "closeout-0123456789ab-keys-20261130T230507Z"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FIRST, (FIRST,)),
        (f"# the officer\n{FIRST}\n\n{SECOND} # the other\n{FIRST}\n", (FIRST, SECOND)),
    ],
)
def test_public_keys_stand_one_a_line_each_once(text, found):
    assert read_recipients(text) == found


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 0),
        ("# nobody\n", 0),
        (f"{FIRST}\nAGE-SECRET-KEY-1QQQ\n", 2),
        (FIRST[:-1], 1),
        (FIRST.upper(), 1),
        (f"{FIRST} {SECOND}", 1),
    ],
)
def test_a_line_that_is_no_public_key_is_named_by_its_number(text, line):
    with pytest.raises(ValueError, match=f"^{line}$"):
        read_recipients(text)


def test_who_opens_both_kinds_of_backup_is_known_by_marks_alone():
    keys = {BackupKind.KEYS: marks_of([FIRST])}
    assert opens_both(BackupKind.DATABASE, [SECOND, FIRST], keys)
    assert not opens_both(BackupKind.DATABASE, [SECOND], keys)
    assert not opens_both(BackupKind.KEYS, [FIRST], keys)
    assert not opens_both(BackupKind.KEYS, [FIRST], {})
