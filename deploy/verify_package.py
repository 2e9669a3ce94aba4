#!/usr/bin/env python3
"""Checks an evidence package of closeout with public keys alone. It needs Python 3.8 or newer, verify_receipt.py beside
it, and nothing else; read both first.

    python3 verify_package.py LOG_KEY PACKAGE.zip [--witness KEY] ... [--enough N]

A package that came sealed is opened first: age --decrypt -i KEYFILE -o PACKAGE.zip PACKAGE.zip.age. It is believed if
its manifest is signed with the key, every file in it is what the manifest says, and every line of the log, receipt and
sheet in it holds against the signed head. Else it ends with another status than 0. It writes nothing."""

import hashlib
import hmac
import importlib.util
import io
import json
import pathlib
import re
import sys
import zipfile
from contextlib import redirect_stdout

_spec = importlib.util.spec_from_file_location("receipt", pathlib.Path(__file__).with_name("verify_receipt.py"))
receipt = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(receipt)
need, Refused, sha256, bytes_of = receipt.need, receipt.Refused, receipt.sha256, receipt.bytes_of
NAME = r"(receipts|reports|answers)/[A-Za-z0-9][A-Za-z0-9_-]*(\.[a-z]+)+"
NAME += r"|README\.txt|head\.txt|(entries|openings)\.jsonl|(custody|manifest)\.json|manifest\.tsr"
LARGEST, MOST = 1 << 26, 25_000
OTHERS = zipfile.BadZipFile, ValueError, LookupError, TypeError, AttributeError, RuntimeError, OSError, EOFError
HEADS, read_head = {}, receipt.read_head


def read_head_once(note, *keys):
    """All receipts of a package have the same head: its signatures are looked at once."""
    if note not in HEADS:
        HEADS[note] = read_head(note, *keys)
    return HEADS[note]


receipt.read_head = read_head_once


# --- the archive: small files, one way of writing them, nothing compressed ---
def open_archive(file):
    """The files in it, in order, of an archive whose every byte is as it has to be."""
    data = file.read_bytes()
    archive = zipfile.ZipFile(io.BytesIO(data))
    infos = archive.infolist()
    need(len(infos) <= MOST and sum(each.file_size for each in infos) <= len(data), "it is larger than it can be")
    for each in infos:
        need(re.fullmatch(NAME, each.filename, re.ASCII) and len(each.filename) <= 120, "a file's name is not safe")
        need(each.compress_type == 0 and each.compress_size == each.file_size <= LARGEST, "a file in it is compressed")
    names = [each.filename for each in infos]
    need(len(set(names)) == len(names) and "manifest.json" in names[-2:], "it is no package")
    need(names[-1] in ("manifest.json", "manifest.tsr"), "it is no package")
    files = {each.filename: archive.read(each) for each in infos}
    again = io.BytesIO()
    with zipfile.ZipFile(again, "w", zipfile.ZIP_STORED) as written:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o600 << 16
            written.writestr(info, content)
    need(again.getvalue() == data, "it is not written as a package is")
    return files


def read_signed(text, member, log):
    """What a signed file says: its note is signed over the digest of what it says, in one way of writing it."""
    told = json.loads(text)
    need(told.keys() == {member, "note"}, "a signed file is none")
    need(json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n" == text, "a signed file was changed")
    one = json.dumps(told[member], ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    body, _, line = told["note"].rpartition("\n\n")
    digest = receipt.base64.b64encode(sha256(one.encode())).decode()
    need(body == f"closeout {member} 1\nsha256\n{digest}", "a signed file was changed after it was signed")
    parts = line[:-1].split(" ")
    need(len(parts) == 3 and line.endswith("\n") and "\n" not in line[:-1] and parts[0] == "\u2014", "no signed note")
    signature = bytes_of(parts[2])
    need((parts[1], signature[:4]) == log[:2], "it is not signed by this key")
    need(receipt.is_signed(log[2], (body + "\n").encode(), signature[4:]), "it was changed after it was signed")
    return told[member]


# --- what is in it ---
def read_lines(text, size, root):
    """Lines of the log by number, each proven to stand in it."""
    lines = {}
    for each in text.splitlines():
        told = json.loads(each)
        line = json.loads(told["entry"])
        proof = [bytes_of(node) for node in told["proof"]]
        receipt.stands_in(sha256(b"\0" + told["entry"].encode()), line["seq"], size, proof, root)
        lines[line["seq"]] = line
    return lines


def read_openings(text, lines):
    """What stands behind restricted lines, by number, each what its line commits to."""
    opened = {}
    for each in text.splitlines():
        told = json.loads(each)
        line = lines[told["seq"]]
        said = hmac.new(bytes.fromhex(told["key"]), told["body"].encode(), "sha256").hexdigest()
        is_it = (line["kind"], line["body"]["commitment"]) == ("restricted", said)
        need(is_it, "a restricted line says something else")
        opened[told["seq"]] = told["body"]
    return opened


def check_custody(custody, told, lines, opened):
    """Who asked and who confirmed, by other people, as the log says it."""
    events = custody["events"]
    need([each["verb"] for each in events] == ["asked", "confirmed"], "who asked and who confirmed is not told")
    need(events[0]["by"] != events[1]["by"], "one person asked and confirmed")
    for each in events:
        line, verb, role, to = lines[each["line"]], each["verb"], each["role"], told["addressee"]
        if line["kind"] == "restricted":
            said = f"package {told['package']} {verb} by {each['by']} as {role} for {to} "
            holds = opened.get(each["line"], "").startswith(said)
        else:
            body = line["body"]
            found = (line["kind"], body["package"], body["verb"], body["actor_role"], body["addressee"])
            holds = found == ("package_changed", told["package"], verb, role, to)
        need(holds and line["at"] == each["at"], "who asked for it and who confirmed it is not what the log says")
        print(f"  {verb} by {role} at {each['at']} (line {each['line']})")


def check(file, log, witnesses, enough):
    """Prints what a package holds; Refused."""
    files = open_archive(file)
    text = files["manifest.json"].decode()
    told = read_signed(text, "package", log)
    need((told["format"], told["origin"]) == ("closeout-package/1", log[0]), "it is no package of this log")
    said = [(each["name"], each["bytes"], each["sha256"]) for each in told["members"]]
    there = [(name, len(held), sha256(held).hex()) for name, held in files.items() if not name.startswith("manifest.")]
    need(said == there, "its files are not those of the manifest")
    note = files["head.txt"].decode()
    size, root, cosigned = receipt.read_head(note, log, witnesses, enough)
    need((size, receipt.base64.b64encode(root).decode()) == (told["size"], told["root"]), "it has another head")
    print("  package", told["package"], "for", told["addressee"], "on the basis of", told["basis"])
    print("  purpose:", json.dumps(told["purpose"], ensure_ascii=False))
    lines = read_lines(files["entries.jsonl"].decode(), size, root)
    opened = read_openings(files.get("openings.jsonl", b"").decode(), lines)
    check_custody(json.loads(files["custody.json"]), told, lines, opened)
    levels, count = {}, 0
    for name, content in files.items():
        if name.startswith("receipts/"):
            need(json.loads(content)["head"] == note, "a receipt has another head")
            with redirect_stdout(io.StringIO()) as printed:
                receipt.check(content.decode(), log, witnesses, enough, None)
            level = printed.getvalue().splitlines()[1].split()[0]
            levels[level], count = levels.get(level, 0) + 1, count + 1
        if name.startswith("answers/"):
            read_signed(content.decode(), "answer", log)
            print("  answer of an inquiry, signed:", name)
    need(count == told["receipts"], "its receipts are not as many as it says")
    for each in told["reports"]:
        where = "no line of the log says that it was made"
        if each["line"] is not None:
            line, digest = lines[each["line"]], sha256(files[each["name"]]).hex()
            found = (line["kind"], line["body"]["report"], line["body"]["digest"])
            need(found == ("report_made", each["key"], digest), "a report is not the one that the log says was made")
            where = f"made at {line['at']} (line {each['line']})"
        print(f"  report {each['name']}: {where}")
    print(f"  receipts: {count} {levels or ''} {told['mode']} {told['seed']} of {told['population']}")
    print(f"  lines of the log: {len(lines)}, restricted ones opened: {len(opened)}")
    print("  signed by the log, and by", ", ".join(cosigned) or "no witness that was given", f"(head of {size} lines)")
    print("  SHA-256 of manifest.json:", hashlib.sha256(text.encode()).hexdigest())
    if "manifest.tsr" in files:
        print(
            "  time-stamped; not looked at here: openssl ts -verify -in manifest.tsr -data manifest.json -CAfile FILE"
        )


def main(words):
    given = {"--witness": [], "--enough": [], "": []}
    while words:
        word = words.pop(0)
        given[word if word in given and words else ""].append(words.pop(0) if word in given and words else word)
    if len(given[""]) != 2:
        sys.exit(__doc__)
    witnesses = [receipt.read_key(each, 4) for each in given["--witness"]]
    enough = int(given["--enough"][-1]) if given["--enough"] else len(witnesses)
    HEADS.clear()
    try:
        print(pathlib.Path(given[""][1]).name)
        check(pathlib.Path(given[""][1]), receipt.read_key(given[""][0], 1), witnesses, enough)
        print("  BELIEVED")
    except (Refused, *OTHERS) as why:
        print("  NOT BELIEVED:", why if isinstance(why, Refused) else "it is no package")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
