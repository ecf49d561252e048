"""One question to both evaluators: the engine, and the naive one of ``naive/``."""

from __future__ import annotations

from collections.abc import Callable

from policy.naive.decide import Question, Texts, decide
from policy.policies import compiled_layers, principal

from stead.policy import Decision, Request, authorize

Answer = tuple[str, str | None]  # the effect, and the layer that a refusal blames
Ask = Callable[[Question, Texts], Answer]


def request(question: Question) -> Request:
    return Request(question.action, question.resource, principal(question.caller), question.context, question.resource_account)


def answer(decision: Decision) -> Answer:
    return decision.effect, decision.layer.value if decision.layer and not decision.allowed else None


def compiled(question: Question, texts: Texts) -> Answer:
    return answer(authorize(request(question), compiled_layers(texts)))


EVALUATORS: dict[str, Ask] = {"compiled": compiled, "naive": decide}
