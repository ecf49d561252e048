"""Documents compiled into matchers, once per text; what they hold does not change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from stead.policy.actions import ActionIndex
from stead.policy.arns import ResourceTest, negated, resource_test
from stead.policy.conditions import ENFORCED, Condition
from stead.policy.document import located
from stead.policy.grammar import Tree, check, conditions, principal_entries, statements
from stead.policy.parse import Defect, Path, line_and_column, parse_json, spans
from stead.policy.principals import Principal, PrincipalMatcher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stead.policy.conditions.operator import Operator
    from stead.policy.patterns import Context, ContextValue

_REMEMBERED_ACTIONS = 256  # of one document: more than a service has operations, and a bound for whoever asks for invented ones


class Request(NamedTuple):
    """What somebody asks to do.

    Context keys are in lower case; a tuple is the value of a multivalued key, even with one element. The mapping is only asked for keys that
    a statement which covers action and resource reads, so it may compute them.
    """

    action: str
    resource: str
    principal: Principal
    context: Mapping[str, ContextValue]
    resource_account: str


@dataclass(frozen=True, slots=True)
class StatementReference:
    """Which statement of a document: its position from 0, and its Sid if it has one."""

    index: int
    sid: str | None


class Position(NamedTuple):
    """A place in a document's text, both counted from 1."""

    line: int
    column: int


class Span(NamedTuple):
    """Where a statement stands, by the simulator's rule: from behind the token before it to behind its end (policy-evaluation.md 10.2)."""

    start: Position
    end: Position


class Statement:
    """One statement; its action was matched by the document's index."""

    __slots__ = ("_tests", "conditions", "denies", "principal", "reference", "resource")

    def __init__(self, index: int, path: Path, tree: Tree, *, variables: bool, operators: Mapping[str, Operator]) -> None:
        self.reference = StatementReference(index, tree.get("Sid"))
        self.denies = tree["Effect"].lower() == "deny"
        self.principal = _principal(tree)
        self.resource = _resource(tree, variables)
        self.conditions = tuple(
            Condition(operator, key, operands, variables=variables, denies=self.denies, operators=operators)
            for _, operator, key, operands in conditions(tree, path)
        )
        # All must hold, so the cheap ones are asked first.
        self._tests = tuple(condition.holds for condition in sorted(self.conditions, key=lambda condition: condition.cost))

    def covers(self, resource: str, context: Context) -> bool:
        """Whether the resource matches; a trust policy has no resource element and means its role (policy-evaluation.md 3.2)."""
        return self.resource is None or self.resource(resource, context)

    def applies(self, resource: str, context: Context) -> bool:
        """Whether resource and conditions match."""
        if self.resource is not None and not self.resource(resource, context):
            return False
        for holds in self._tests:  # noqa: SIM110 - a generator would double the cost of the commonest decisions
            if not holds(context):
                return False
        return True


def _principal(tree: Tree) -> PrincipalMatcher | None:
    for element in ("Principal", "NotPrincipal"):
        if element in tree:
            return PrincipalMatcher(principal_entries(tree[element]), negated=element == "NotPrincipal")
    return None


def _resource(tree: Tree, variables: bool) -> ResourceTest | None:
    """The test of the resource element, or None where there is nothing to test."""
    # Short ARNs are completed except in resource-based policies (policy-evaluation.md 3.2), which are those that name principals.
    complete = "Principal" not in tree and "NotPrincipal" not in tree
    for element in ("Resource", "NotResource"):
        if element in tree:
            patterns = [tree[element]] if isinstance(tree[element], str) else tree[element]
            test = resource_test(patterns, variables=variables, complete=complete)
            return negated(test) if element == "NotResource" else test
    return None


class Candidates(NamedTuple):
    """The statements of a document that cover an action, in their order."""

    denies: tuple[Statement, ...]
    allows: tuple[Statement, ...]


NO_CANDIDATES = Candidates((), ())  # one for all: most documents say nothing about most actions


class CompiledDocument:
    """An immutable document, ready to be asked."""

    __slots__ = ("__weakref__", "_index", "_remembered", "statements", "text")

    def __init__(self, text: str, tree: Tree, operators: Mapping[str, Operator] = ENFORCED) -> None:
        self.text = text
        # Elsewhere `${...}` is literal (policy-evaluation.md 5).
        variables = tree.get("Version") == "2012-10-17"
        self._index: ActionIndex[Statement] = ActionIndex()
        self._remembered: dict[str, Candidates] = {}
        self.statements = tuple(
            self._indexed(Statement(index, path, statement, variables=variables, operators=operators), statement)
            for index, (path, statement) in enumerate(statements(tree))
        )

    @property
    def hash(self) -> str:
        """SHA-256 of the text, in hexadecimal: the name of the text wherever it is stored."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def span(self, index: int) -> Span:
        """Where statement ``index`` stands in the text.

        >>> text = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}'
        >>> compile_document(text).span(0)
        Span(start=Position(line=1, column=41), end=Position(line=1, column=102))
        """
        offsets = spans(self.text)
        alone = ("Statement", index) not in offsets
        place: Path = ("Statement",) if alone else ("Statement", index)
        start = offsets["Statement",][0] + 1 if alone or index == 0 else offsets["Statement", index - 1][1]
        return Span(self._position(start), self._position(offsets[place][1]))

    def _position(self, offset: int) -> Position:
        return Position(*line_and_column(self.text, offset))

    def _indexed(self, statement: Statement, tree: Tree) -> Statement:
        for element, add in (("Action", self._index.add), ("NotAction", self._index.add_all_but)):
            if element in tree:
                add([tree[element]] if isinstance(tree[element], str) else tree[element], statement)
        return statement

    def candidates(self, action: str) -> Candidates:
        """The statements that cover ``action``."""
        found = self._remembered.get(action)
        if found is None:
            found = self._find(action)
            if len(self._remembered) == _REMEMBERED_ACTIONS:
                self._remembered.clear()
            self._remembered[action] = found
        return found

    def _find(self, action: str) -> Candidates:
        by_index = {statement.reference.index: statement for statement in self._index.find(action)}
        if not by_index:
            return NO_CANDIDATES
        ordered = [by_index[index] for index in sorted(by_index)]
        return Candidates(
            tuple(statement for statement in ordered if statement.denies),
            tuple(statement for statement in ordered if not statement.denies),
        )


def compile_document(text: str, operators: Mapping[str, Operator] = ENFORCED) -> CompiledDocument:
    """The matchers of a stored document: any well-shaped one, whatever rules for new documents it may break.

    ``operators`` are those of enforcement unless the simulator asks (``conditions/simulated.py``).

    >>> document = compile_document('{"Statement": {"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}}')
    >>> len(document.candidates("iam:GetRole").allows), len(document.candidates("iam:PassRole").allows)
    (1, 0)
    """
    tree = parse_json(text)
    try:
        return CompiledDocument(text, check(tree), operators)
    except Defect as defect:
        raise located(defect, text) from None
