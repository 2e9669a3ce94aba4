"""What answers say of themselves in their headers: what they are, and that no other site has a part in them."""

from __future__ import annotations

import re

import pytest

from server.core.model import Role

KINDS = [
    ("/removals", "text/html; charset=utf-8", None),
    ("csv", "text/csv; charset=utf-8", "csv"),
    ("json", "application/json", "json"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("/alive", "text/plain; charset=utf-8", None),
    ("/icon.svg", "image/svg+xml", None),
    ("/api/status", "application/json", None),
]


@pytest.mark.parametrize(("asked", "kind", "file"), KINDS, ids=[asked for asked, *_ in KINDS])
def test_each_kind_of_answer_says_what_it_is(enter, asked, kind, file):
    officer = enter(Role.PRIVACY_OFFICER)
    path = asked if file is None else _file_on(officer.get("/removals").text, file)
    answer = officer.get(path)
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if file is not None:
        named = answer.headers["Content-Disposition"]
        assert re.fullmatch(rf'attachment; filename="[a-z-]+-[0-9-]+\.{file}"', named)


def test_no_other_site_is_let_in(enter, stranger):
    officer = enter(Role.PRIVACY_OFFICER)
    elsewhere = {"Origin": "https://elsewhere.example"}
    for browser, path in (
        (officer, "/removals"),
        (stranger, "/sign-in"),
        (stranger, "/api/status"),
        (officer, "/none"),
    ):
        answer = browser.get(path, headers=elsewhere)
        assert [name for name, _ in answer.headers if name.startswith("Access-Control-")] == []
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        # Whatever is not named, objects and scripts among it, is as default-src says: nothing.
        assert (policy["default-src"], policy["base-uri"]) == ("'none'", "'none'")
        assert {"object-src", "script-src", "connect-src"} & set(policy) == set()


def _file_on(page: str, kind: str) -> str:
    return re.search(rf'href="(/removals\?[^"]*file={kind}[^"]*)"', page)[1].replace("&amp;", "&")
