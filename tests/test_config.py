"""The settings: every option has its variable, what is unknown or senseless is an error, and the command line wins."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import pytest

from stead.config import HELP, Settings, SettingsError, add_options, is_loopback, read


def settings_of(arguments: list[str], environment: dict[str, str] | None = None) -> tuple[Settings, list[str]]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_options(parser)
    return read(parser.parse_args(arguments), environment or {})


# One valid value of each setting that is not its default: as text, and as it is kept.
VALUES: dict[str, tuple[str, object]] = {
    "host": ("::1", "::1"),
    "port": ("0", 0),
    "data_dir": ("/tmp/data", Path("/tmp/data")),
    "ephemeral": ("yes", True),
    "database_url": ("postgresql://u@h/d", "postgresql://u@h/d"),
    "workers": ("2", 2),
    "account_id": ("210987654321", "210987654321"),
    "root_credentials": ("@/run/root", "@/run/root"),
    "neighbours": ("none", "none"),
    "neighbours_credentials": ("/run/key", "/run/key"),
    "rehearse_propagation": ("1.5", 1.5),
    "task_pace": ("fast", "fast"),
    "insecure_remote": ("1", True),
    "allow_real_aws": ("TRUE", True),
}


def test_every_setting_is_here_and_explained() -> None:
    assert set(VALUES) == set(HELP) == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("name", VALUES)
def test_each_option_has_its_variable(name: str) -> None:
    text, kept = VALUES[name]
    flag = f"--{name.replace('_', '-')}"
    by_option, _ = settings_of([flag] if kept is True else [flag, text])
    by_variable, lines = settings_of([], {f"STEAD_{name.upper()}": text})
    assert by_option == by_variable
    assert getattr(by_option, name) == kept != getattr(Settings(), name)
    assert lines == []


def test_without_any_word_the_defaults_of_the_contract() -> None:
    settings, lines = settings_of([], {"PATH": "/bin", "AWS_PROFILE": "x"})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.account_id, settings.workers) == ("127.0.0.1", 4566, "123456789012", 1)
    assert lines == []


def test_the_command_line_wins() -> None:
    assert settings_of(["--port", "1"], {"STEAD_PORT": "2"})[0].port == 1


@pytest.mark.parametrize("text", ["", "0", "false", "no", "FALSE"])
def test_no_is_no(text: str) -> None:
    assert settings_of([], {"STEAD_EPHEMERAL": text})[0].ephemeral is False


@pytest.mark.parametrize(
    "name", ["STEAD_", "STEAD_WORKER", "STEAD_WORKERSS", "STEAD_workers", "STEAD_SERVICE", "STEAD_PORTS", "STEAD_PORT_80"]
)
def test_an_unknown_variable_is_an_error(name: str) -> None:
    with pytest.raises(SettingsError, match=f"unknown environment variable {name}; Stead's are STEAD_ACCOUNT_ID, "):
        settings_of([], {name: "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STEAD_PORT", "tcp://10.0.0.1:4566"),
        ("STEAD_SERVICE_HOST", "10.0.0.1"),
        ("STEAD_SERVICE_PORT", "4566"),
        ("STEAD_SERVICE_PORT_HTTP", "4566"),
        ("STEAD_PORT_4566_TCP", "tcp://10.0.0.1:4566"),
        ("STEAD_PORT_4566_TCP_PROTO", "tcp"),
        ("STEAD_PORT_4566_TCP_PORT", "4566"),
        ("STEAD_PORT_4566_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_what_kubernetes_sets_is_ignored_with_a_line(name: str, value: str) -> None:
    """Its links for a Service called `stead`."""
    settings, lines = settings_of([], {name: value})
    assert settings == Settings()
    assert lines == [f"note: {name} looks like Kubernetes' and is ignored"]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_beyond_loopback_only_when_it_is_said(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    if not loopback:
        with pytest.raises(SettingsError, match="beyond loopback Stead speaks no TLS"):
            settings_of(["--host", host])
        with pytest.raises(SettingsError, match="--ephemeral listens on loopback only"):
            settings_of(["--host", host, "--ephemeral", "--insecure-remote"])
    assert settings_of(["--host", host, "--insecure-remote"])[0].host == host


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_the_ways_to_name_a_database(given: str, kept: str) -> None:
    assert settings_of(["--database-url", given])[0].store_url == kept


def test_the_host_in_a_url() -> None:
    assert Settings(host="::1").url_host == "[::1]"
    assert Settings().url_host == "127.0.0.1"
