#!/usr/bin/env python3
"""Checks receipts of closeout with public keys alone. It needs Python 3.8 or newer and nothing else; read it first.

    python3 verify_receipt.py LOG_KEY RECEIPT.json ... [--witness KEY] ... [--enough N] [--opening FILE]

A receipt says that one contact was seen to be gone from one address book. It is believed if its lines stand in a log
whose head the key signed (RFC 6962, RFC 8032, C2SP) and, with --witness, all or --enough of the witnesses. Else it ends
with another status than 0."""

import base64
import hashlib
import hmac
import json
import pathlib
import re
import sys

# --- Ed25519, as RFC 8032 (5.1 and 6) describes it ---
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)


def point_add(a, b):
    x, y = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    z, w = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = y - x, w - z, w + z, y + x
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(number, point):
    found = (0, 1, 1, 0)
    while number:
        found = point_add(found, point) if number & 1 else found
        point, number = point_add(point, point), number >> 1
    return found


def point_of(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if len(data) != 32 or y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * ROOT % P if (x * x - square) % P else x
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(key, text, signature):
    if len(signature) != 64:
        return False
    public, r, s = point_of(key), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if public is None or r is None or s >= ORDER:
        return False
    hashed = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % ORDER
    a, b = point_times(s, BASE), point_add(r, point_times(hashed, public))
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 == (a[1] * b[2] - b[1] * a[2]) % P


# --- the log ---
class Refused(Exception):
    """Why a receipt is not believed."""


def need(holds, why):
    if not holds:
        raise Refused(why)


def sha256(data):
    return hashlib.sha256(data).digest()


def bytes_of(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    need(base64.b64encode(data).decode() == text, "something is no base64")
    return data


def read_key(text, kind):
    """A public key as it is handed on: its name, its id, 32 bytes. kind 1: of a log, 4: of a witness."""
    name, id_, encoded = (*text.split("+", 2), "", "")[:3]
    data = bytes_of(encoded)
    need(len(data) == 33 and data[0] == kind, "a key is of another kind")
    need(sha256(name.encode() + b"\n" + data)[:4].hex() == id_, "a key's id does not fit it")
    return name, bytes.fromhex(id_), data[1:]


def read_head(note, log, witnesses, enough):
    """Size and root of the log in its signed head, and the names of the witnesses who signed it."""
    text, blank, lines = note.rpartition("\n\n")
    need(blank and note.endswith("\n"), "the head is no signed note")
    text, signed, cosigned = text + "\n", False, set()
    for line in lines[:-1].split("\n"):
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014" and parts[1], "the head is no signed note")
        data = bytes_of(parts[2])
        if (parts[1], data[:4]) == log[:2]:
            need(is_signed(log[2], text.encode(), data[4:]), "the head was changed after it was signed")
            signed = True
        for name, id_, key in witnesses:
            if (parts[1], data[:4]) == (name, id_):
                said = b"cosignature/v1\ntime %d\n" % int.from_bytes(data[4:12], "big") + text.encode()
                need(is_signed(key, said, data[12:]), "a signature is not of the witness whose name it bears")
                cosigned.add(name)
    need(signed, "the head is not signed by this key")
    told = text.split("\n")
    need(
        len(told) > 3 and told[0] == log[0] and re.fullmatch("[1-9][0-9]{0,18}", told[1]), "the head is of another log"
    )
    need(len(cosigned) >= enough, "not enough of the witnesses signed the head")
    return int(told[1]), bytes_of(told[2]), sorted(cosigned)


def stands_in(leaf, index, size, proof, root):
    """RFC 9162, 2.1.3.2."""
    place, last = index, size - 1
    need(0 <= index < size, "a line is not among those that the head vouches for")
    for each in proof:
        need(last > 0 and len(each) == 32, "a proof is too long")
        if place & 1 or place == last:
            leaf = sha256(b"\1" + each + leaf)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            leaf = sha256(b"\1" + leaf + each)
        place, last = place >> 1, last >> 1
    need(last == 0 and leaf == root, "a line does not stand in the log that the head vouches for")


# --- the receipt ---
def check(text, log, witnesses, enough, opening):
    """Prints what a receipt proves; Refused."""
    told = json.loads(text)
    need(json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n" == text, "it is not written as one is")
    need(told.keys() == {"format", "entries", "head", "statement"} and told["entries"], "it is no receipt")
    need(told["format"] == "closeout-receipt/1", "it is no receipt of this kind")
    size, root, cosigned = read_head(told["head"], log, witnesses, enough)
    lines, last = [], -1
    for each in told["entries"]:
        need(each.keys() == {"entry", "proof"}, "it is no receipt")
        line = json.loads(each["entry"])
        stands_in(sha256(b"\0" + each["entry"].encode()), line["seq"], size, [bytes_of(n) for n in each["proof"]], root)
        need(line["seq"] > last, "its lines are out of order")
        lines, last = [*lines, line], line["seq"]
    proof, *raised = lines
    said = proof["body"]
    need((proof["kind"], said.get("level")) == ("proof", "store_removed"), "it is no proof of a removal")
    need(re.fullmatch("[0-9a-f]{64}", said.get("commitment", "")), "it is no proof of one removal")
    alike = all((each["kind"], each["body"]["order"]) == ("evidence_raised", said["order"]) for each in raised)
    need(alike, "it tells of two removals")
    words = json.dumps(told["statement"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    need(sha256(words.encode()).hex() == said["digest"], "its words are not those that the log vouches for")
    print("  removal", said["order"], "under policy", said["policy"], "by the rule", said["rule"])
    for each in lines:
        print(f"  {each['body']['level']} at {each['at']} (line {each['seq']} of {size})")
    print("  signed by the log, and by", ", ".join(cosigned) or "no witness that was given")
    for language, sentences in sorted(told["statement"].items()):
        print(f"  [{language}]", sentences["place"], sentences["how"], sentences["kept"])
    if opening:
        key, token = bytes.fromhex(opening["key"]), bytes.fromhex(opening["token"])
        whose = b"closeout/receipt/v1\0" + opening["order"].encode() + b"\0" + token
        opens = opening["order"] == said["order"] and hmac.new(key, whose, "sha256").hexdigest() == said["commitment"]
        need(opens, "it is not about the contact that was opened")
        print("  it is about the contact that was opened: token", opening["token"])


def main(words):
    given = {"--witness": [], "--enough": [], "--opening": [], "": []}
    while words:
        word = words.pop(0)
        given[word if word in given and words else ""].append(words.pop(0) if word in given and words else word)
    if len(given[""]) < 2:
        sys.exit(__doc__)
    (log, *names), witnesses = given[""], [read_key(each, 4) for each in given["--witness"]]
    enough = int(given["--enough"][-1]) if given["--enough"] else len(witnesses)
    opening = json.loads(pathlib.Path(given["--opening"][-1]).read_bytes()) if given["--opening"] else None
    fine = True
    for name in names:
        try:
            print(name)
            check(pathlib.Path(name).read_bytes().decode(), read_key(log, 1), witnesses, enough, opening)
            print("  BELIEVED")
        except (Refused, ValueError, KeyError, TypeError, AttributeError, RecursionError) as why:
            fine = False
            print("  NOT BELIEVED:", why if isinstance(why, Refused) else "it is no receipt")
    return not fine


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
