"""``stead policy replay``: which recorded calls would other identity policies refuse? See ``stead.replay``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stead.aws.clock import iso_seconds
from stead.commands.events import moment
from stead.commands.output import CommandError, printable, say, tell
from stead.commands.store_options import add_data_dir
from stead.config import HELP, SettingsError, read
from stead.policy import DocumentKind, MalformedPolicy, Policy, compile_document, validate

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from stead.config import Settings
    from stead.replay import Replay


def add_options(parser: argparse.ArgumentParser) -> None:
    """Whose calls, under which policies, from which store."""
    parser.add_argument("--policy", metavar="FILE", type=Path, action="append", required=True, help="an identity policy; repeat for more")
    parser.add_argument("--principal", metavar="ARN", required=True, help="the user or role whose identity policies they would replace")
    parser.add_argument(
        "--since", metavar="WHEN", type=moment, help="calls from then on: 10m, 2h, 3d, or a time (default: all that are kept)"
    )
    parser.add_argument("--all", action="store_true", help="show also the calls that would end as they did")
    parser.add_argument("--json", action="store_true", help="everything as one JSON object")
    add_data_dir(parser)
    parser.add_argument("--database-url", metavar="URL", help=HELP["database_url"])


def run(options: argparse.Namespace) -> int:
    """Print what would end otherwise; 1 if a call would be refused, or a record was tampered with."""
    from stead.store.engine import StoreError

    policies = tuple(_policy(file) for file in options.policy)
    try:
        settings, _ = read(options, os.environ)
        since = 0 if options.since is None else int(options.since.timestamp() * 1000)
        found = _replay(settings, options.principal, policies, since)
    except (SettingsError, StoreError) as error:
        raise CommandError(str(error)) from error
    if options.json:
        say(json.dumps(_as_json(options.principal, found), indent=2))
    else:
        for line in _lines(found, everything=options.all):
            say(printable(line))
    _tell_gaps(found)
    return 1 if found.would_refuse or found.altered else 0


def _policy(file: Path) -> Policy:
    try:
        return Policy(str(file), "file", compile_document(validate(file.read_text("utf-8"), DocumentKind.IDENTITY).text))
    except MalformedPolicy as error:
        raise CommandError(f"{file}:{error.line or 1}:{error.column or 1}: {error.message}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"cannot read {file}: {error}") from error


def _replay(settings: Settings, principal: str, policies: tuple[Policy, ...], since: int) -> Replay:
    from stead.aws.arn import parse_arn
    from stead.replay import Replayer
    from stead.store.engine import StoreError
    from stead.store.keyring import load_or_create
    from stead.store.migrations import HEAD
    from stead.store.prepare import opened, revision

    arn = parse_arn(principal)
    if arn is None or arn.service != "iam" or not arn.resource.startswith(("user/", "role/")):
        raise CommandError(f"{principal} is not the ARN of a user or role (of a role's session, give the role)")
    if not settings.database_url and not (settings.data_dir / "stead.db").exists():
        raise StoreError(f"no store in {settings.data_dir}: start Stead there first")
    ring = load_or_create(settings.data_dir / "keys", may_create=False)
    with opened(settings.store_url) as store:
        if revision(store.read().connection) != HEAD:
            raise StoreError(f"the database is not at revision {HEAD}: start this version of Stead on it first")
        return Replayer(store.read(), ring, principal, policies).run(arn.account, since)


def _lines(found: Replay, *, everything: bool) -> Iterator[str]:
    rows = sorted(found.outcomes.items(), key=lambda row: (row[0].now == row[0].then, row[0].now != "refused", row[0]))
    shown = [(outcome, uses) for outcome, uses in rows if everything or outcome.now != outcome.then]
    width = max((len(outcome.action) for outcome, _ in shown), default=0)
    for outcome, uses in shown:
        change = f"{outcome.then} -> {outcome.now}"
        reason = f"  {outcome.reason}" if outcome.reason else ""
        yield f"{change:<22}  {outcome.action:<{width}}  {outcome.resource}  {uses.count}x, last {iso_seconds(uses.last)}{reason}"
    same = sum(uses.count for outcome, uses in rows if outcome.now == outcome.then)
    other = sum(uses.count for outcome, uses in rows if outcome.now != outcome.then)
    yield f"{same + other} recorded checks: {same} would end as they did, {other} would not or cannot be known"
    for event_id, finding in found.altered:
        yield f"TAMPERED  event {event_id}: {finding}"


def _as_json(principal: str, found: Replay) -> dict[str, Any]:
    calls = [{**outcome._asdict(), "count": uses.count, "last": iso_seconds(uses.last)} for outcome, uses in found.outcomes.items()]
    return {"principal": principal, "calls": calls, "tampered": [one._asdict() for one in found.altered], "omitted": found.omitted}


def _tell_gaps(found: Replay) -> None:
    if found.omitted:
        tell(f"{found.omitted} checks of very long calls were not kept and are not judged")
    if not found.outcomes:
        tell("no recorded call of this principal is kept; calls of the last second may not be written yet")
