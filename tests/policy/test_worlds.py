"""The properties of test_properties.py once more, over documents with every operator in every layer (worlds.py)."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from policy.asking import compiled, request
from policy.policies import ANYTHING, compiled_layers, document_text
from policy.worlds import World

from stead.policy import authorize, explain

if TYPE_CHECKING:
    from policy.naive.decide import Question, Texts

# A seed does not shrink.
EXAMPLES = settings(max_examples=100, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
SEEDS = st.integers(0, 2**63)
QUESTIONS = 5

DENY = {**ANYTHING, "Effect": "Deny"}
LIMITS: dict[str, Any] = {"boundary": None, "session": None, "scps": [], "rcps": []}
MORE = {
    "identity": lambda texts, text: replace(texts, identity=[*texts.identity, text]),
    "boundary": lambda texts, text: replace(texts, boundary=joined(texts.boundary, text)),
    "session": lambda texts, text: replace(texts, session=[*(texts.session or []), text]),
    "resource": lambda texts, text: replace(texts, resource=joined(texts.resource, text)),
    "scps": lambda texts, text: replace(texts, scps=[*texts.scps[:-1], [*(texts.scps or [[]])[-1], text]]),
    "rcps": lambda texts, text: replace(texts, rcps=[*texts.rcps[:-1], [*(texts.rcps or [[]])[-1], text]]),
}
# Root and those without an account have neither of the first three, and nobody but a member of an organization the last (2.3, 2.5).
BINDS = {
    "identity": {"user", "role", "federated-user", "linked-role"},
    "boundary": {"user", "role", "federated-user"},
    "session": {"role", "federated-user"},
    "resource": {"root", "user", "role", "federated-user", "linked-role", "service", "anonymous", "federated"},
    "scps": {"root", "user", "role", "federated-user"},
    "rcps": {"root", "user", "role", "federated-user", "service", "anonymous", "federated"},
}


def joined(text: str | None, other: str) -> str:
    """One document of the statements of both; the version of the first."""
    if text is None:
        return other
    document, more = json.loads(text), json.loads(other)["Statement"]
    statements = document["Statement"]
    return json.dumps({**document, "Statement": (statements if isinstance(statements, list) else [statements]) + more})


def one(layer: str, statement: dict[str, Any]) -> str:
    named = {**statement, "Principal": "*"} if layer in ("resource", "rcps") else statement
    return document_text({name: part for name, part in named.items() if (layer, name) != ("trust", "Resource")})


def allowed(question: Question, texts: Texts) -> bool:
    return compiled(question, texts)[0] == "allowed"


@EXAMPLES
@given(SEEDS)
def test_an_explanation_decides_alike(seed: int) -> None:
    world = World(seed)
    layers = compiled_layers(world.texts)
    for _ in range(QUESTIONS):
        asked = request(world.question())
        assert explain(asked, layers).decision == authorize(asked, layers)


@pytest.mark.parametrize("layer", MORE)
@EXAMPLES
@given(SEEDS)
def test_an_explicit_deny_wins_in_every_layer(layer: str, seed: int) -> None:
    world = World(seed)
    if world.caller["kind"] in BINDS[layer]:
        texts = MORE[layer](world.texts, one(layer, DENY))
        assert compiled(world.question(), texts)[0] == "explicitDeny"


@pytest.mark.parametrize("layer", ["identity", "resource", "scps", "rcps", "boundary", "session"])
@EXAMPLES
@given(SEEDS)
def test_another_allow_removes_nothing_in_any_layer(layer: str, seed: int) -> None:
    """In a layer that is there: the first Allow of a boundary, a session or an organization makes it one, and narrows."""
    world = World(seed)
    if layer != "identity" and not getattr(world.texts, layer):
        return
    texts = MORE[layer](world.texts, one(layer, ANYTHING))
    for _ in range(QUESTIONS):
        question = world.question()
        assert allowed(question, texts) or not allowed(question, world.texts)


@pytest.mark.parametrize("layer", LIMITS)
@EXAMPLES
@given(SEEDS)
def test_limits_only_narrow(layer: str, seed: int) -> None:
    world = World(seed)
    if layer == "session" and world.caller["kind"] == "federated-user":
        return  # by rule: without session policies it has no identity permissions at all
    without = replace(world.texts, **{layer: LIMITS[layer]})
    for _ in range(QUESTIONS):
        question = world.question()
        assert allowed(question, without) or not allowed(question, world.texts)


def shuffled(tree: Any, random: Random) -> Any:
    """Every list and object in another order, but for the values of ARN operators: a match before a malformed one decides (RA-6.4-6)."""
    if isinstance(tree, dict):
        names = random.sample(list(tree), len(tree))
        return {
            name: tree[name]
            if name.lower().partition(":")[2].startswith("arn") or name.lower().startswith("arn")
            else shuffled(tree[name], random)
            for name in names
        }
    if isinstance(tree, list):
        return [shuffled(item, random) for item in random.sample(tree, len(tree))]
    return tree


def shuffled_texts(layer: Any, random: Random) -> Any:
    if isinstance(layer, str):
        return json.dumps(shuffled(json.loads(layer), random))
    return [shuffled_texts(item, random) for item in random.sample(layer, len(layer))] if isinstance(layer, list) else layer


@EXAMPLES
@given(SEEDS)
def test_order_never_matters_anywhere(seed: int) -> None:
    world, random = World(seed), Random(seed)
    texts = replace(world.texts, **{name: shuffled_texts(layer, random) for name, layer in vars(world.texts).items()})
    for _ in range(QUESTIONS):
        question = world.question()
        assert compiled(question, texts) == compiled(question, world.texts)
