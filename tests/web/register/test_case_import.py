"""The case register taken in from the browser: all of an export, or nothing and why; no file is kept."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.core.log.entries import EntryKind
from server.core.model import Role
from server.sources.invented import invent, write_export
from server.store import log
from tests.web.conftest import Browser
from tests.web.town import NOW, URL, Town

PAGE = "/register/import"
SHIPPED = (Path(__file__).parents[3] / "agent_policies/sources/generic-en.yaml").read_bytes()


@pytest.fixture
def exported(town: Town, tmp_path: Path) -> Mapping[str, bytes]:
    """An export of the invented organisation of this hour, by the names of its files."""
    tmp_path.joinpath("export").mkdir()
    organisation = invent("tiny", seed=1, now=NOW - timedelta(days=14)).seen_at(town.clock())
    files = write_export(organisation, tmp_path / "export", "generic-en")
    return {each.name: each.read_bytes() for each in files}


def send(browser: Browser, files: Mapping[str, bytes], mapping: str = "generic-en", own: bytes | None = None) -> Any:
    fields: dict[str, Any] = {
        "csrf_token": browser.token(PAGE),
        "mapping": mapping,
        "file": [(io.BytesIO(content), name) for name, content in files.items()],
    }
    if own is not None:
        fields["own"] = (io.BytesIO(own), "mine.yaml")
    return browser.client.post(
        PAGE,
        data=fields,
        base_url=URL,
        content_type="multipart/form-data",
        headers={"Sec-Fetch-Site": "same-origin"},
    )


def imports(town: Town) -> int:
    """How often a register was taken in."""
    with town.store.read() as connection:
        return len(log.of_kind(connection, EntryKind.REGISTER_CHANGED))


def test_an_administrator_imports_an_export_and_nothing_of_it_stays(town, enter, exported, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    browser = enter(Role.IT_ADMINISTRATOR)
    before = imports(town)
    answer = send(browser, exported)
    assert (answer.status_code, "The register of case-system is imported." in answer.text) == (200, True)
    assert imports(town) == before + 1
    assert [each.name for each in tmp_path.glob("closeout-import-*")] == []
    assert not any(number in answer.text for number in ("06-", "+31"))


def test_an_export_with_a_fault_changes_nothing_and_each_fault_is_told_with_its_line(town, enter, exported):
    before = imports(town)
    name = next(each for each in exported if each.startswith("cases"))
    broken = exported | {name: exported[name].replace(b",closed,", b",finished,", 1)}
    answer = send(enter(Role.IT_ADMINISTRATOR), broken)
    assert (answer.status_code, "nothing of it went in" in answer.text, name in answer.text) == (400, True, True)
    assert imports(town) == before


def test_a_mapping_of_ones_own_is_read_and_told_what_is_wrong_with_it(town, enter, exported):
    browser = enter(Role.IT_ADMINISTRATOR)
    assert send(browser, exported, "own", SHIPPED).status_code == 200
    before = imports(town)
    for own, said in (
        (b"name: mine\n", "Faults in the field mapping"),
        (b"extends: ../../../etc/passwd\n", "There is no such mapping."),
        (b"\xff\xfe", "Not UTF-8."),
        (None, "Choose the file of your own field mapping"),
        (b"extends: generic-en\ntime_of_export: modified\n", "which a browser does not hand over"),
    ):
        answer = send(browser, exported, "own", own)
        assert (answer.status_code, said in answer.text) == (400, True), said
    assert imports(town) == before


def test_files_without_a_name_twice_or_none_are_no_export(town, enter, exported):
    browser = enter(Role.IT_ADMINISTRATOR)
    before = imports(town)
    name, content = next(iter(exported.items()))
    for files in ({}, {"..": content}, {f"a/{name}": content, f"b/{name}": content}):
        answer = send(browser, files)
        assert (answer.status_code, "Choose the files of one export" in answer.text) == (400, True), files.keys()
    assert imports(town) == before


def test_the_set_up_leads_its_administrator_there_and_nobody_else(enter):
    assert f'href="{PAGE}"' in enter(Role.IT_ADMINISTRATOR).get("/start").text
    officer = enter(Role.PRIVACY_OFFICER)
    assert PAGE not in officer.get("/start").text
    assert officer.get(PAGE).status_code == 403
