"""``stead events``: the event history for a person, newest last, as anybody with cloudtrail:LookupEvents may read it.

LookupEvents takes one attribute; further filters are applied here. Its times are whole seconds and events of reads lag a second, so following
asks again from a little before the newest event and leaves out what was shown. The asking is itself recorded, and left out by its user agent.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from stead.commands import client
from stead.commands.output import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

NEWEST = 50  # shown when nothing says how far to go back
POLL_SECONDS = 1.0
LAG = timedelta(seconds=3)  # of reads, in a process that is busy
MARK = "stead-events"  # in the user agent
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_FORWARDED = "aws-called-via-override."  # service-linked-roles.md 4.1

# The option, the attribute that LookupEvents finds it by, and the values of an event.
_FILTERS: dict[str, tuple[str, Callable[[dict[str, Any]], list[str]]]] = {
    "resource": ("ResourceName", lambda event: [resource["ResourceName"] for resource in event["Resources"]]),
    "user": ("Username", lambda event: [event.get("Username", "")]),
    "name": ("EventName", lambda event: [event["EventName"]]),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """What to show, and where Stead is."""
    parser.add_argument("--user", metavar="NAME", help="only of this user, or of role sessions with this session name")
    parser.add_argument("--name", metavar="EVENT", help="only events of this name, e.g. CreateRole")
    parser.add_argument("--resource", metavar="NAME|ARN", help="only events on this resource")
    parser.add_argument(
        "--since", metavar="WHEN", type=moment, help=f"from then on: 10m, 2h, 3d, or a time (default: the last {NEWEST} events)"
    )
    parser.add_argument("--region", metavar="REGION", help="where to look (IAM's events are in us-east-1)")
    parser.add_argument("--follow", action="store_true", help="go on with what happens, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="whole CloudTrail records, one a line")
    client.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Show them."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        for event in _events(options):
            say(event["CloudTrailEvent"] if options.json else line(event))
    except (BotoCoreError, ClientError) as error:
        raise client.failure(error) from error
    return 0


def line(event: dict[str, Any]) -> str:
    """When, who, what, on what, and how it ended."""
    record = json.loads(event["CloudTrailEvent"])
    what = f"{event['EventSource'].partition('.')[0]}:{event['EventName']}"
    shown = f"{record['eventTime']}  {_who(record['userIdentity']):<28}  {what:<36}  {_on(event):<36}  {record.get('errorCode', 'ok')}"
    return "".join(character if character.isprintable() else "?" for character in shown)  # nobody's name may steer the terminal


def _who(identity: dict[str, Any]) -> str:
    session = identity.get("sessionContext", {}).get("sessionIssuer")
    if session:
        who = f"{session['userName']}/{identity['arn'].rpartition('/')[2]}"
    else:
        who = identity.get("userName") or {"Root": "root"}.get(identity.get("type", "")) or identity.get("invokedBy", "-")
    via = identity.get("invokedBy", "")
    return f"{who} via {via.removeprefix(_FORWARDED)}" if via.startswith(_FORWARDED) else who


def _on(event: dict[str, Any]) -> str:
    names = [resource["ResourceName"] for resource in event["Resources"]]
    return names[-1].split(":", 5)[-1] if names else "-"


def moment(text: str) -> datetime:
    """The time that an option means: so long ago, or a time itself."""
    relative = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if relative:
        return datetime.now(UTC) - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.astimezone()


def _events(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    ask = _Asking(options)
    first = ask.since(options.since) if options.since else ask.newest(NEWEST)
    shown = {event["EventId"]: event["EventTime"] for event in first}
    yield from first
    while options.follow:
        time.sleep(POLL_SECONDS)
        start = max(shown.values(), default=datetime.now(UTC)) - LAG
        new = [event for event in ask.since(start) if event["EventId"] not in shown]
        shown |= {event["EventId"]: event["EventTime"] for event in new}
        shown = {id_: moment for id_, moment in shown.items() if moment >= start}
        yield from new


class _Asking:
    """LookupEvents with the options' filters; answers are oldest first."""

    def __init__(self, options: argparse.Namespace) -> None:
        at = client.endpoint(options)
        at.session.user_agent_extra = MARK
        if options.region:
            at.session.set_config_variable("region", options.region)
        self._pages = at.session.create_client("cloudtrail", endpoint_url=at.url).get_paginator("lookup_events")
        self._wanted = {option: value for option in _FILTERS if (value := getattr(options, option))}

    def newest(self, count: int) -> list[dict[str, Any]]:
        """The last ``count``."""
        found: list[dict[str, Any]] = []
        for event in self._found():
            found.append(event)
            if len(found) == count:
                break
        return found[::-1]

    def since(self, start: datetime) -> list[dict[str, Any]]:
        """All from a moment on."""
        return [*self._found(StartTime=start)][::-1]

    def _found(self, **range_: datetime) -> Iterator[dict[str, Any]]:
        first = [{"AttributeKey": _FILTERS[option][0], "AttributeValue": value} for option, value in self._wanted.items()][:1]
        for page in self._pages.paginate(LookupAttributes=first, **range_):
            yield from filter(self._is_wanted, page["Events"])

    def _is_wanted(self, event: dict[str, Any]) -> bool:
        if event["EventName"] == "LookupEvents" and MARK in event["CloudTrailEvent"]:
            return False
        return all(value in _FILTERS[option][1](event) for option, value in self._wanted.items())
