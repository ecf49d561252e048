"""The engine and the naive evaluator give the same answer, whatever the documents and the question.

A case is one question to one set of documents. In CI they are 100,000; the seed of a failing world is printed, and the world made small.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from policy.asking import answer, compiled, request
from policy.naive.decide import Question, Texts, decide
from policy.policies import compiled_layers
from policy.worlds import World

from stead.policy import MalformedPolicy, authorize

if TYPE_CHECKING:
    from collections.abc import Iterator

QUESTIONS = 10
WORLDS = 10_000 if os.environ.get("CI") else 1_000
# A seed does not shrink; the world that it makes does, below.
EXAMPLES = settings(max_examples=WORLDS, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@EXAMPLES
@given(st.integers(0, 2**63))
def test_the_evaluators_agree(seed: int) -> None:
    world = World(seed)
    layers = compiled_layers(world.texts)
    for _ in range(QUESTIONS):
        question = world.question()
        if answer(authorize(request(question), layers)) != decide(question, world.texts):
            note(json.dumps(smallest(question, world.texts), indent=2))
            raise AssertionError(f"the evaluators disagree in world {seed}")


def smallest(question: Question, texts: Texts) -> Any:
    """The disagreement with everything taken away that it does not need."""
    tree = {"question": vars(question) | {"context": dict(question.context)}, "texts": _parsed(vars(texts))}
    while smaller := next((less for less in _less(tree) if _disagree(less)), None):
        tree = smaller
    asked, documents = _of(tree)
    return {**tree, "compiled": compiled(asked, documents), "naive": decide(asked, documents)}


def _parsed(layer: Any) -> Any:
    if isinstance(layer, dict):
        return {name: _parsed(part) for name, part in layer.items()}
    return [_parsed(part) for part in layer] if isinstance(layer, list) else json.loads(layer) if isinstance(layer, str) else layer


def _less(tree: Any) -> Iterator[Any]:
    """The tree without one of its nodes, in every way; the biggest first."""
    if isinstance(tree, dict):
        yield from ({other: tree[other] for other in tree if other != name} for name in tree)
        yield from ({**tree, name: less} for name in tree for less in _less(tree[name]))
    elif isinstance(tree, list):
        yield from (tree[:place] + tree[place + 1 :] for place in range(len(tree)))
        yield from ([*tree[:place], less, *tree[place + 1 :]] for place in range(len(tree)) for less in _less(tree[place]))


def _disagree(tree: Any) -> bool:
    try:
        question, texts = _of(tree)
        return compiled(question, texts) != decide(question, texts)
    except (KeyError, TypeError, AttributeError, MalformedPolicy):  # something was taken away that a document or a caller needs
        return False


def _of(tree: Any) -> tuple[Question, Texts]:
    return Question(**tree["question"]), Texts(**{name: _layer(layer) for name, layer in tree["texts"].items()})


def _layer(layer: Any) -> Any:
    if isinstance(layer, dict):
        return json.dumps(layer)
    return [_layer(part) for part in layer] if isinstance(layer, list) else layer


def test_a_disagreement_is_made_small() -> None:
    """Each of its nodes goes once; what then still disagrees goes on."""
    tree = {"a": [1, 2, {"b": 3}], "c": {"d": 4}}
    assert {"a": [1, 2, {"b": 3}]} in list(_less(tree))
    assert {"a": [1, 2, {}], "c": {"d": 4}} in list(_less(tree))
