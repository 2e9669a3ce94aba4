"""Whatever stands in a setting that is no use: the engine, the pages and the mail do not start, and say which it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from server.cli import run_command
from server.cli.call import ExitStatus
from server.cli.setting_faults import faulty_settings
from server.settings import PREFIX, Settings, read_settings

SECRET = "a" * 16
MAIL = {"mail_server": "mail.example:587", "mail_from": "closeout@agency.example"}
PROVIDER = {"oidc_issuer": "https://id.example", "oidc_client": "closeout"}
HOOK = {"webhook_url": "https://hook.example/", "webhook_secret": SECRET}

WRONG: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "database": ({"database": "nothing://"}, {"database": "postgresql"}),
    "language": ({"language": "fr"}, {"language": "english"[2:]}),
    "lease_seconds": ({"lease_seconds": "soon"}, {"lease_seconds": "-1"}, {"lease_seconds": "nan"}),
    "at_once": ({"at_once": "0"}, {"at_once": "many"}),
    "web_url": ({"web_url": "closeout"}, {"web_url": "http://agency.example"}, {"web_url": "https://a.example/b"}),
    "web_listen": ({"web_listen": "8080"}, {"web_listen": "127.0.0.1:http"}, {"web_listen": "127.0.0.1:70000"}),
    "web_proxy": ({"web_proxy": "proxy.example"}, {"web_proxy": "*"}, {"web_proxy": "10.0.0.0/8"}),
    "session_minutes": ({"session_minutes": "0"}, {"session_minutes": "1e9"}),
    "oidc_issuer": ({**PROVIDER, "oidc_issuer": "id.example"}, {**PROVIDER, "oidc_issuer": "http://id.example"}),
    "oidc_client": ({"oidc_issuer": "https://id.example"},),
    "oidc_roles_file": (PROVIDER, {**PROVIDER, "oidc_roles_file": "/dev/null"}),
    "mail_server": ({**MAIL, "mail_server": "mail.example"}, {**MAIL, "mail_server": "mail.example:0"}),
    "mail_security": ({**MAIL, "mail_security": "none"}, {**MAIL, "mail_security": "ssl"}),
    "mail_from": ({"mail_server": "mail.example:587"}, {**MAIL, "mail_from": "closeout"}),
    "mail_ca_file": ({"mail_ca_file": "/nowhere/ca.pem"}, {"mail_ca_file": "/dev/null"}),
    "syslog_server": ({"syslog_server": "logs.example"}, {"syslog_server": "logs.example:70000"}),
    "syslog_security": ({"syslog_server": "logs.example:514", "syslog_security": "udp"},),
    "syslog_ca_file": ({"syslog_ca_file": "/nowhere/ca.pem"},),
    "webhook_url": ({**HOOK, "webhook_url": "http://hook.example/"}, {**HOOK, "webhook_url": "ftp://hook.example/"}),
    "webhook_secret": ({**HOOK, "webhook_secret": "short"},),
    "webhook_ca_file": ({"webhook_ca_file": "/nowhere/ca.pem"},),
    "scanner": ({"scanner": "scanner.example:3310"}, {"scanner": "localhost"}),
    "witnesses_ca_file": ({"witnesses_ca_file": "/nowhere/ca.pem"},),
    "witnesses_file": ({"witnesses_file": "/dev/fd"},),
    "heartbeat_url": ({"heartbeat_url": "watch"}, {"heartbeat_url": "http://watch.example/1"}),
    "heartbeat_ca_file": ({"heartbeat_ca_file": "/nowhere/ca.pem"},),
    "log_format": ({"log_format": "xml"}, {"log_format": "JSON"}),
    "time_stamp_url": ({"time_stamp_url": "stamps"}, {"time_stamp_url": "http://stamps.example/"}),
    "time_stamp_ca_file": ({"time_stamp_ca_file": "/nowhere/ca.pem"},),
}
ELSEWHERE = {
    "home": "an installation is looked for there, and said not to be",
    "identifier_key_file": "a key that is not there is told as a key",
    "sealing_key_file": "a key that is not there is told as a key",
    "signing_key_file": "a key that is not there is told as a key",
    "checkpoint_file": "heads that are gone are told as heads",
    "policy_file": "a policy with faults is told as a policy",
    "roles_file": "doctor tells each line that means nothing",
    "oidc_secret": "any text may be one; the provider says whether it is",
    "oidc_claim": "any text may be one",
    "oidc_worker_claim": "any text may be one",
    "mail_login": "any text may be one; the mail server says whether it is",
    "mail_password": "any text may be one; the mail server says whether it is",
}
"""Settings that cannot be called wrong by themselves, each with the reason."""
CASES = [(name, given) for name, wrong in WRONG.items() for given in wrong]


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("settings") / "installation"
    made = {"CLOSEOUT_HOME": str(home), "LANG": "en"}
    assert run_command(["init", "Invented organisation", "--demo"], made) == 0
    return made


def test_every_setting_is_tried_or_has_a_reason_not_to_be():
    assert {each.name for each in fields(Settings)} == WRONG.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize(("name", "given"), CASES, ids=[f"{name} {n}" for n, (name, _) in enumerate(CASES)])
@pytest.mark.parametrize("command", [("engine", "--once"), ("serve",), ("notify",)], ids=lambda each: each[0])
def test_a_setting_that_is_no_use_ends_the_start_with_a_status_after_which_nobody_tries_again(
    environ, capsys, name, given, command
):
    capsys.readouterr()
    variables = {f"{PREFIX}{key.upper()}": value for key, value in given.items()}
    status = run_command(["--json", *command], {**environ, **variables})
    said = capsys.readouterr()
    assert status == ExitStatus.BAD_SETTING == 78, said
    assert f"{PREFIX}{name.upper()}" in said.out + said.err
    assert "Traceback" not in said.err
    assert SECRET not in said.out + said.err


def test_all_of_them_are_told_at_once_each_with_what_it_takes(environ, capsys):
    wrong = {"CLOSEOUT_WEB_URL": "closeout", "CLOSEOUT_SYSLOG_SERVER": "logs", "CLOSEOUT_MAIL_CA_FILE": "/nowhere"}
    capsys.readouterr()
    assert run_command(["--json", "engine", "--once"], {**environ, **wrong}) == 78
    rows = json.loads(capsys.readouterr().out)["sections"][0]["rows"]
    assert [row["setting"] for row in rows] == ["CLOSEOUT_WEB_URL", "CLOSEOUT_MAIL_CA_FILE", "CLOSEOUT_SYSLOG_SERVER"]
    assert all(len(row["takes"]) > 20 for row in rows)


def test_settings_as_the_manual_has_them_are_sound(tmp_path):
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    roles = tmp_path / "oidc-roles.txt"
    roles.write_text("closeout-admins: it_administrator\n")
    variables = {
        **MAIL,
        **PROVIDER,
        **HOOK,
        "oidc_roles_file": str(roles),
        "web_url": "https://closeout.example.org",
        "web_listen": "0.0.0.0:8080",
        "web_proxy": "10.87.0.10",
        "syslog_server": "logs.example:6514",
        "heartbeat_url": "https://watch.example/ping/1",
        "scanner": "/run/clamav/clamd.ctl",
        **({"mail_ca_file": str(bundle)} if bundle.exists() else {}),
    }
    given = {f"{PREFIX}{key.upper()}": value for key, value in variables.items()}
    assert faulty_settings(read_settings(given, home=tmp_path)) == ()
    assert faulty_settings(read_settings({}, home=tmp_path)) == ()


@pytest.mark.parametrize("unit", sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service")))
def test_a_unit_is_not_started_again_after_it(unit):
    (never,) = (line for line in unit.read_text("utf-8").splitlines() if line.startswith("RestartPreventExitStatus="))
    assert "78" in never.partition("=")[2].split()
