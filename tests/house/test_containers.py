"""Image, compose file and manifests fit the program, and let each container do no more than it must."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
from flask import Flask
from ruamel.yaml import YAML

from server.cli.commands import COMMANDS
from server.settings import read_settings
from tests.vendors.serving import served

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINER = DEPLOY / "container"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
COMPOSE = YAML(typ="safe").load((CONTAINER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("update", "pages", "engine-1", "engine-2")
MANIFESTS = list(YAML(typ="safe").load_all((DEPLOY / "kubernetes" / "closeout.yaml").read_text()))
PODS = {
    each["metadata"]["name"]: each["spec"]["template"]["spec"]
    for each in MANIFESTS
    if "template" in each.get("spec", {})
}
INSTRUCTIONS = re.sub(r"\\\n", " ", (CONTAINER / "Containerfile").read_text())


# --- the image ----------------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_in_particular_from_the_lock_and_keeps_no_installer():
    lines = [line.split(maxsplit=1) for line in INSTRUCTIONS.splitlines() if line[:1].isupper()]
    named = [name for name, _ in lines]
    told = dict(lines)
    assert named.count("FROM") == 2
    assert (told["USER"], "ADD" in named) == ("10001:10001", False)
    assert "pip install --require-hashes --only-binary :all: --requirement requirements.lock" in INSTRUCTIONS
    assert "pip uninstall --yes setuptools pip" in INSTRUCTIONS
    assert "closeout-alive" in told["HEALTHCHECK"]
    assert told["CMD"].startswith('["serve"')


def test_only_what_the_image_is_made_of_is_sent_to_be_built():
    assert (ROOT / ".dockerignore").read_text() == (ROOT / ".containerignore").read_text()
    first, *taken = (ROOT / ".containerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(\S+)", INSTRUCTIONS, re.MULTILINE)
    assert first == "*"
    assert sorted(each.removeprefix("!") for each in taken) == sorted(copied)


@pytest.mark.parametrize(("answers", "status"), [(b"alive\n", 0), (b"another server", 1), (None, 1)])
def test_its_health_is_that_the_pages_answer_under_their_own_name(answers, status):
    app = Flask("pages")
    app.config["TRUSTED_HOSTS"] = ["closeout.example.org"]
    app.add_url_rule("/alive", "alive", lambda: answers)
    with served(app) as url:
        port = "1" if answers is None else url.rpartition(":")[2].strip("/")
        environ = {"CLOSEOUT_WEB_URL": "https://closeout.example.org", "CLOSEOUT_WEB_LISTEN": f"0.0.0.0:{port}"}
        ended = subprocess.run(
            [sys.executable, "-I", CONTAINER / "alive.py"], env=environ, check=False, capture_output=True
        )
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, b"", b"")


def test_the_script_for_a_root_of_debian_packages_can_be_read():
    assert subprocess.run(["bash", "-n", CONTAINER / "debian-root.sh"], check=False).returncode == 0


# --- compose ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_must(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]
    assert ":" in service["image"].rpartition("/")[2]
    assert not service["image"].endswith(":latest")
    assert not {"privileged", "pid", "network_mode", "devices"} & set(service)


def test_ours_run_commands_that_there_are_with_settings_that_there_are_and_secrets_from_files(tmp_path):
    for name in OURS:
        assert SERVICES[name].get("command", ["serve"])[0] in COMMANDS
        assert SERVICES[name]["user"] == "10001:10001"
        assert SERVICES[name]["image"] == f"closeout:{VERSION}"
        environ = SERVICES[name]["environment"]
        assert not [each for each in environ if "SECRET" in each or "PASSWORD" in each]
        (tmp_path / "url").write_text("sqlite://")
        read_settings(environ | {"CLOSEOUT_DATABASE_FILE": str(tmp_path / "url")})
    assert all(set(each) == {"file"} for each in COMPOSE["secrets"].values())


def test_the_database_is_reached_from_inside_alone_and_the_proxy_is_the_one_that_is_believed():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["database"]["networks"] == ["inside"]
    assert [name for name, each in SERVICES.items() if "ports" in each] == ["proxy"]
    proxy = SERVICES["proxy"]["networks"]["outside"]["ipv4_address"]
    assert SERVICES["pages"]["environment"]["CLOSEOUT_WEB_PROXY"] == proxy


def test_pages_and_engines_wait_for_the_update_and_the_update_for_the_database():
    for name in ("pages", "engine-1", "engine-2"):
        assert SERVICES[name]["depends_on"] == {"update": {"condition": "service_completed_successfully"}}
    assert SERVICES["update"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert [name for name, each in SERVICES.items() if each.get("profiles")] == ["radicale"]


def test_the_proxy_in_a_container_is_the_proxy_of_the_manual_at_other_addresses():
    ours = (DEPLOY / "nginx" / "closeout.conf").read_text()
    for here, there in (
        ("443 ssl", "8443 ssl"),
        ("listen 80;", "listen 8081;"),
        ("listen [::]:80;", "listen [::]:8081;"),
        ("http://127.0.0.1:8080", "http://pages:8080"),
        ("/etc/ssl/closeout/fullchain.pem", "/run/secrets/fullchain"),
        ("/etc/ssl/closeout/privkey.pem", "/run/secrets/privkey"),
    ):
        assert here in ours
        ours = ours.replace(here, there)
    assert (CONTAINER / "nginx.conf").read_text().partition("\n")[2] == ours


# --- Kubernetes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_a_manifest_is_one_that_kubernetes_knows_to_the_last_field(manifest):
    kubernetes_validate.validate(manifest, "1.37", strict=True)


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_restricted_and_runs_a_command_that_there_is(name):
    pod = PODS[name]
    [container] = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"]) == (True, 10001)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["args"][0] in COMMANDS
    assert container["image"].endswith(f"/closeout:{VERSION}")
    assert container["resources"]["limits"]["memory"]


def test_the_cluster_s_settings_are_settings_and_everything_is_shut_but_what_is_named(tmp_path):
    [config] = [each for each in MANIFESTS if each["kind"] == "ConfigMap"]
    (tmp_path / "url").write_text("sqlite://")
    read_settings(config["data"] | {"CLOSEOUT_DATABASE_FILE": str(tmp_path / "url")})
    shut = {each["metadata"]["name"]: each["spec"] for each in MANIFESTS if each["kind"] == "NetworkPolicy"}
    assert shut["closeout-in"] == {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}
    assert shut["closeout-out"]["podSelector"] == {}
