"""The ``stead`` command: the table of its commands."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from stead import __version__
from stead.commands import env, events, policy_check, policy_explain, policy_replay, serve, service_policy_set, why
from stead.commands.output import CommandError, tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


class Command(NamedTuple):
    """One command: its words, its module (``add_options`` and ``run``), and a line of help."""

    words: str
    module: ModuleType
    help: str


COMMANDS = (
    Command("serve", serve, "run Stead"),
    Command("env", env, 'print what a shell needs: eval "$(stead env)"'),
    Command("events", events, "show who did what, and go on with what happens"),
    Command("policy check", policy_check, "say what IAM would say of a policy document in a file"),
    Command("policy explain", policy_explain, "say what somebody may do, with every layer's reason"),
    Command("policy replay", policy_replay, "say which recorded calls other identity policies would refuse"),
    Command("why", why, "say why a request was refused, and what would allow it"),
    Command("service-policy set", service_policy_set, "set NAME to a stored VERSION (v24) or to the document in FILE"),
)

# First words of commands of two.
GROUPS = {
    "policy": "work on policy documents and decisions",
    "service-policy": "move the default version of a service-linked role's policy",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    logging.basicConfig(format="stead: %(message)s", level=logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except CommandError as error:
        tell(str(error))
        return 2
    except BrokenPipeError:  # `| head` has seen enough; what is still unwritten must not fail at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stead", description="IAM, STS and ECS in which service-linked roles really work.")
    parser.add_argument("--version", action="version", version=f"stead {__version__}")
    parsers: dict[str, Any] = {"": parser.add_subparsers(required=True, metavar="COMMAND")}
    for command in COMMANDS:
        group, _, word = command.words.rpartition(" ")
        if group not in parsers:
            parsers[group] = parsers[""].add_parser(group, help=GROUPS[group]).add_subparsers(required=True, metavar="ACTION")
        chosen = parsers[group].add_parser(word, help=command.help, description=f"{command.help[0].upper()}{command.help[1:]}.")
        command.module.add_options(chosen)
        chosen.set_defaults(run=command.module.run)
    return parser
