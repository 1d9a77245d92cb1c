"""The files that hosts read say what the documents promise of them."""

import re
import tomllib
from configparser import ConfigParser
from pathlib import Path

import yaml

DOCKERFILE = Path("Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(Path("compose.yaml").read_text(encoding="utf-8"))
UNIT = Path("deploy/paperround.service").read_text(encoding="utf-8")
MANUAL = Path("docs/deployment.md").read_text(encoding="utf-8")


def test_the_image_has_all_that_the_program_is():
    """Every package is copied, and let through to where the image is built; nobody is root in it."""
    packages = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    for package in packages["wheel"]["packages"]:
        assert f"COPY {package} /app/{package}" in DOCKERFILE
        assert f"!{package}" in Path(".dockerignore").read_text(encoding="utf-8").split()
    assert "USER 10001" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE


def test_the_image_does_not_say_that_its_disk_lasts():
    """DATA_DIR is the operator's word for that."""
    assert not re.search(r"^ENV.*DATA_DIR", DOCKERFILE, re.MULTILINE)


def test_the_containers_can_change_nothing():
    """Roots are read-only, capabilities gone, and the pages stay on the machine."""
    for name in ("bot", "worker", "migrate"):
        service = COMPOSE["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "DATABASE_URL" in service["environment"]
    assert COMPOSE["services"]["bot"]["ports"] == ["127.0.0.1:8080:8080"]
    assert "ports" not in COMPOSE["services"]["db"]
    assert "ports" not in COMPOSE["services"]["worker"]


def test_workers_can_be_as_many_as_one_likes():
    """They are what the bot is but for the command: its settings, its texts of papers, and PORT, without which they keep no pages.

    Nothing of one is in the way of another, and the image's own health check asks them as well.
    """
    bot, worker = COMPOSE["services"]["bot"], COMPOSE["services"]["worker"]
    assert worker["command"] == "python -m bot worker"
    for name in ("environment", "volumes", "env_file", "image", "restart", "stop_grace_period", "depends_on"):
        assert worker[name] == bot[name]
    assert not {"container_name", "hostname", "healthcheck"} & worker.keys()
    assert worker["deploy"]["replicas"] == "${WORKERS:-0}"


def test_the_unit_is_not_started_again_in_vain():
    """Exit code 2 waits for its operator; what stands still is ended."""
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(UNIT)
    service = unit["Service"]
    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2")
    assert (service["Type"], service["WatchdogSec"]) == ("notify", "3min")


def test_the_procfile_names_what_heroku_runs():
    """The whole bot, the jobs of a large one, and what comes before a new version."""
    lines = Path("Procfile").read_text(encoding="utf-8").splitlines()
    assert dict(line.split(": ") for line in lines) == {
        "web": "python -m bot run",
        "worker": "python -m bot worker",
        "release": "python -m bot migrate",
    }


def test_the_examples_in_the_manual_are_whole():
    """What is to be copied parses."""
    [fly] = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    assert tomllib.loads(fly)["http_service"]["internal_port"] == 8080
    rules = yaml.safe_load(Path("docs/alerts.yml").read_text(encoding="utf-8"))
    assert all(rule["expr"] and rule["annotations"]["summary"] for rule in rules["groups"][0]["rules"])
    publishing = Path("docs/publishing.md").read_text(encoding="utf-8")
    [action] = re.findall(r"```yaml\n(.*?)```", publishing, re.DOTALL)
    assert yaml.safe_load(action)["permissions"] == {"contents": "write"}
