"""Where everything begins: settings are read once and a slip is noticed; keys are made once and never made worse."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from server import app
from server.settings import PREFIX, SettingError, Settings, read_settings


def settings(folder: Path, **more: str) -> Settings:
    return read_settings({"CLOSEOUT_HOME": str(folder), **{f"CLOSEOUT_{k.upper()}": v for k, v in more.items()}})


# --- settings -----------------------------------------------------------------------------------------------------


def test_everything_lies_in_the_home_folder_unless_it_is_said_otherwise(tmp_path):
    found = settings(tmp_path)
    assert found.database == f"sqlite:///{tmp_path / 'closeout.db'}"
    files = (found.identifier_key_file, found.sealing_key_file, found.signing_key_file, found.checkpoint_file)
    assert all(file.is_relative_to(tmp_path) for file in files)
    elsewhere = settings(tmp_path, identifier_key_file="/keys/identifier.key", database="sqlite:///x.db")
    assert (elsewhere.identifier_key_file, elsewhere.database) == (Path("/keys/identifier.key"), "sqlite:///x.db")


def test_a_setting_that_is_none_is_refused_so_that_a_slip_is_noticed(tmp_path):
    with pytest.raises(SettingError, match="CLOSEOUT_DATABSE"):
        settings(tmp_path, databse="sqlite:///x.db")


def test_other_peoples_variables_are_nobodys_business(tmp_path):
    assert read_settings({"CLOSEOUTX": "1", "PATH": "x", "CLOSEOUT_HOME": str(tmp_path)}).home == tmp_path


def test_a_secret_may_come_from_a_file_and_a_file_that_cannot_be_read_is_told_by_its_variable(tmp_path):
    (tmp_path / "url").write_text("postgresql://somebody:secret@db/closeout\n")
    assert settings(tmp_path, database_file=str(tmp_path / "url")).database.endswith("@db/closeout")
    with pytest.raises(SettingError, match="CLOSEOUT_DATABASE_FILE") as refused:
        settings(tmp_path, database_file=str(tmp_path / "canary-nowhere"))
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(("name", "least", "most"), [("lease_seconds", "0.1", "86400"), ("at_once", "1", "64")])
def test_a_number_has_bounds(tmp_path, name, least, most):
    for good in (least, most):
        assert getattr(settings(tmp_path, **{name: good}), name) == float(good)
    for bad in ("0", "-1", "1000000", "nan", "inf", "many", ""):
        with pytest.raises(SettingError, match=f"{PREFIX}{name.upper()}"):
            settings(tmp_path, **{name: bad})


# --- keys ---------------------------------------------------------------------------------------------------------


def key_files(found: Settings) -> tuple[Path, ...]:
    return found.identifier_key_file, found.sealing_key_file, found.signing_key_file


def test_keys_are_made_for_their_owner_alone_and_work(tmp_path):
    found = settings(tmp_path)
    app.make_keys(found)
    assert {stat.S_IMODE(file.stat().st_mode) for file in key_files(found)} == {0o600}
    keys = app.read_keys(found)
    assert keys.sealer.open(keys.sealer.seal("x", "y"), "y") == "x"
    first, second, third = (file.read_bytes() for file in key_files(found))
    assert len({first, second, third}) == 3
    assert not [text for text in (first.hex(), second.hex()) if text in repr(keys)]


def test_keys_that_are_there_are_never_made_anew(tmp_path):
    found = settings(tmp_path)
    app.make_keys(found)
    before = [file.read_bytes() for file in key_files(found)]
    found.sealing_key_file.unlink()
    app.make_keys(found)
    after = [file.read_bytes() for file in key_files(found)]
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1] != before[1]


@pytest.mark.parametrize("nth", [0, 1, 2])
def test_a_key_that_others_can_read_or_that_is_gone_or_cut_short_is_told_with_what_to_do(tmp_path, nth):
    found = settings(tmp_path)
    app.make_keys(found)
    file = key_files(found)[nth]
    file.chmod(0o640)
    with pytest.raises(app.KeyFault, match="chmod 600"):
        app.read_keys(found)
    file.chmod(0o600)
    if nth < 2:
        file.write_bytes(file.read_bytes()[:31])
        with pytest.raises(app.KeyFault):
            app.read_keys(found)
    file.unlink()
    with pytest.raises(app.KeyFault, match="backup"):
        app.read_keys(found)
