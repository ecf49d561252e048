"""What 10,000 principals with ten policies each hold in memory, as the gate remembers them: `Layers` by principal, documents once by text.

Started as `memory.py OWN`: OWN of the ten policies are inline ones that no other principal has, the rest are drawn from 500 managed ones.
Every principal has then asked for 20 actions, so what the engine remembers of answers is there too. Prints one line of JSON, in MB.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workload import ACCOUNT, OF_A_POLICY, STATEMENTS, managed, small

from stead.policy import Layers, Policy, Principal, PrincipalKind, Request, authorize
from stead.store.entity_policies import compiled

if TYPE_CHECKING:
    from workload import Ask

PRINCIPALS, POLICIES, MANAGED, ASKS = 10_000, 10, 500, 20


def main() -> None:
    """Build, ask, weigh."""
    own, empty = int(sys.argv[1]), _resident()
    stock, scenario = managed_texts(), managed()
    layers = {name: _layers(name, own, stock) for name in (f"user{number}" for number in range(PRINCIPALS))}
    built = _resident()
    for name, found in layers.items():
        _ask(name, found, scenario.asks)
    print(json.dumps({"empty": empty, "built": built - empty, "asked": _resident() - empty, "total": _resident()}))


def managed_texts() -> list[str]:
    """The managed policies: those of scenario (b), 20 statements and 200 patterns each, fifty times with other resources."""
    texts = [json.dumps(document) for document in managed().documents()]
    return [text.replace(":team-", f":group-{copy}-") for copy in range(MANAGED * OF_A_POLICY // STATEMENTS) for text in texts]


def _layers(name: str, own: int, stock: list[str]) -> Layers:
    draw = random.Random(name)
    (document,) = small().documents()
    inline = (json.dumps(document).replace("reports", f"{name}-{number}") for number in range(own))
    policies = [Policy(f"inline{number}", "inline", compiled(text)) for number, text in enumerate(inline)]
    attached = draw.sample(range(MANAGED), POLICIES - own)
    policies += [Policy(f"arn:aws:iam::{ACCOUNT}:policy/p{number}", "managed", compiled(stock[number])) for number in attached]
    return Layers(identity=tuple(policies))


def _ask(name: str, layers: Layers, asks: list[Ask]) -> None:
    caller = Principal(PrincipalKind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/{name}", name)
    for ask in random.Random(name).sample(asks, ASKS):
        authorize(Request(ask.action, ask.resource, caller, {}, ACCOUNT), layers)


def _resident() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    main()
