"""The settings: one frozen value, made from the command line and the environment, and the only reader of either."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

DEFAULT_DATA_DIR = Path(".stead")
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})
# What Kubernetes sets for a Service called `stead`; meant for nobody.
_KUBERNETES = re.compile(r"STEAD_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)\Z")


class SettingsError(Exception):
    """The settings do not make sense; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How one Stead runs. Picklable: it travels to the workers."""

    host: str = "127.0.0.1"
    port: int = 4566
    data_dir: Path = DEFAULT_DATA_DIR
    ephemeral: bool = False
    database_url: str = ""
    workers: int = 1
    account_id: str = "123456789012"
    root_credentials: str = ""
    neighbours: str = "embedded"
    neighbours_credentials: str = ""
    rehearse_propagation: float = 0
    task_pace: str = "normal"
    insecure_remote: bool = False
    allow_real_aws: bool = False

    @property
    def store_url(self) -> str:
        """The database: PostgreSQL where a URL is given, else SQLite in the data directory."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir / 'stead.db'}"
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", self.database_url)

    @property
    def url_host(self) -> str:
        """The host as it stands in a URL."""
        return f"[{self.host}]" if ":" in self.host else self.host


HELP = {
    "host": "address to listen on",
    "port": "port to listen on; 0 picks a free one",
    "data_dir": "where state, keys and credentials live",
    "ephemeral": "keep everything in a temporary directory; allows /_stead/reset and /_stead/clock",
    "database_url": "PostgreSQL instead of SQLite, e.g. postgresql://user@host/name",
    "workers": "number of worker processes",
    "account_id": "the account, 12 digits",
    "root_credentials": "KEYID:SECRET of the root user, or @FILE holding that (the literal form shows in process lists)",
    "neighbours": "who answers for EC2, load balancers and the other services that ECS works in: embedded (moto), none, or an AWS-compatible URL",
    "neighbours_credentials": "AWS shared-credentials file whose [default] profile signs what goes to the neighbours' URL",
    "rehearse_propagation": "seconds for which a new role cannot be used yet",
    "task_pace": "how fast ECS's tasks come and go: normal takes the time it takes on AWS, fast takes none",
    "insecure_remote": "listen beyond loopback without TLS",
    "allow_real_aws": "let --neighbours be a host of AWS itself",
}

# The word for a value where the last word of its option says too little.
_SHOWN = {
    "workers": "N",
    "root_credentials": "KEYID:SECRET|@FILE",
    "neighbours": "embedded|URL|none",
    "neighbours_credentials": "FILE",
    "rehearse_propagation": "SECONDS",
    "task_pace": "normal|fast",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """One option per setting; unset ones stay None so that the environment can speak."""
    for field in fields(Settings):
        flag = f"--{field.name.replace('_', '-')}"
        if field.type == "bool":
            parser.add_argument(flag, action="store_true", default=None, help=HELP[field.name])
        else:
            shown = "" if field.default in {"", 0} and field.name != "port" else f" (default {field.default})"
            metavar = _SHOWN.get(field.name, field.name.rsplit("_", 1)[-1].upper())
            parser.add_argument(flag, metavar=metavar, help=HELP[field.name] + shown)


def read(options: argparse.Namespace, environment: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """The settings, and lines to show the operator. The command line wins over ``STEAD_<OPTION>``; errors are SettingsError."""
    lines = _check_environment(environment)
    values: dict[str, Any] = {}
    for field in fields(Settings):
        given, name = getattr(options, field.name, None), f"STEAD_{field.name.upper()}"
        source = f"--{field.name.replace('_', '-')}"
        if given is None and name in environment and name not in lines:
            given, source = environment[name], name
        if given is not None:
            values[field.name] = _convert(str(field.type), given, source)
    settings = Settings(**values)
    explicit_dir = "data_dir" in values
    _check(settings, explicit_dir=explicit_dir)
    if settings.root_credentials and not settings.root_credentials.startswith("@"):
        lines["root"] = "warning: --root-credentials KEYID:SECRET shows in process lists; use @FILE for anything that is not throw-away"
    return settings, list(lines.values())


def _check_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """A misspelt variable must not leave something off: unknown ones are errors. By name, the lines about ignored ones."""
    known = {f"STEAD_{field.name.upper()}" for field in fields(Settings)} | {"STEAD_VECTORS"}
    ignored = {}
    for name in sorted(n for n in environment if n.startswith("STEAD_")):
        is_link = name == "STEAD_PORT" and "://" in environment[name]
        if is_link or (name not in known and _KUBERNETES.match(name)):
            ignored[name] = f"note: {name} looks like Kubernetes' and is ignored"
        elif name not in known:
            raise SettingsError(f"unknown environment variable {name}; Stead's are {', '.join(sorted(known - {'STEAD_VECTORS'}))}")
    return ignored


def _convert(kind: str, given: Any, source: str) -> Any:
    try:
        match kind:
            case "int":
                return int(given)
            case "float":
                return float(given)
            case "bool":
                return _boolean(given)
            case "Path":
                return Path(given).absolute()
            case _:
                return str(given)
    except ValueError as error:
        raise SettingsError(f"{source}: {given!r} is not {'a yes or no' if kind == 'bool' else 'a number'}") from error


def _boolean(given: Any) -> bool:
    text = str(given).lower()
    if text not in _TRUE | _FALSE:
        raise ValueError(text)
    return text in _TRUE


def _check(settings: Settings, *, explicit_dir: bool) -> None:
    for wrong, message in (
        (not re.fullmatch(r"\d{12}", settings.account_id), "--account-id must be 12 digits"),
        (not 0 <= settings.port <= 65535, "--port must be between 0 and 65535"),
        (not 1 <= settings.workers <= 64, "--workers must be between 1 and 64"),
        (not 0 <= settings.rehearse_propagation <= 86400, "--rehearse-propagation must be between 0 and 86400 seconds"),
        (settings.task_pace not in {"normal", "fast"}, "--task-pace must be normal or fast"),
        (settings.ephemeral and settings.database_url, "--ephemeral excludes --database-url"),
        (settings.ephemeral and explicit_dir, "--ephemeral excludes --data-dir"),
        (settings.ephemeral and not is_loopback(settings.host), "--ephemeral listens on loopback only"),
        (not is_loopback(settings.host) and not settings.insecure_remote, _REMOTE),
        (
            settings.database_url and not re.match(r"postgres(ql)?(\+psycopg)?://", settings.database_url),
            "--database-url must begin with postgresql://",
        ),
        (
            settings.neighbours not in {"embedded", "none"} and "://" not in settings.neighbours,
            "--neighbours must be embedded, none or a URL",
        ),
        ("://" in settings.neighbours and not settings.neighbours_credentials, "--neighbours URL needs --neighbours-credentials FILE"),
    ):
        if wrong:
            raise SettingsError(message)


_REMOTE = "beyond loopback Stead speaks no TLS: put a TLS proxy before it, and say --insecure-remote"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
