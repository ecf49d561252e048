"""The AWS managed policies as they come into the store: read once, by whatever seeds it, never while serving (design D8, D12).

Two sources. ``policies/*.json`` beside this module holds the policies of which Stead keeps more than one version. All the others come from
the data file of moto, one version each: the only one whose text moto has. That file is a Python module with one JSON string in it; it is
loaded by its path, because importing moto's package around it would cost the time and memory of all of moto.

Documents are compact JSON with their keys in the order in which AWS shows them; moto sorts them by letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN = Path(__file__).parent / "policies"
_DOCUMENT_KEYS = ("Version", "Id", "Statement")
_STATEMENT_KEYS = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")


class PolicyVersion(NamedTuple):
    """One version of a managed policy; ``document_json`` is the text that GetPolicyVersion returns."""

    version_id: str
    document_json: str
    created_ms: int


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """An AWS managed policy with the versions whose text is known, the oldest first; ``default_version`` is one of them."""

    arn: str
    name: str
    path: str
    created_ms: int
    updated_ms: int
    default_version: str
    versions: tuple[PolicyVersion, ...]


def own() -> Iterator[ManagedPolicy]:
    """The policies that Stead brings itself, each with every version of ours."""
    for path in _own_files():
        yield _policy(orjson.loads(path.read_bytes()))


def neighbours() -> Iterator[ManagedPolicy] | None:
    """The policies in moto's data that :func:`own` does not have, or None when moto (its data file, that is) is not installed."""
    path = _moto_file()
    return None if path is None else _read_moto(path)


def _own_files() -> list[Path]:
    """A file for each policy, of its name, in the shape of iam:GetAccountAuthorizationDetails (ManagedPolicyDetail)."""
    return sorted(_OWN.glob("*.json"))


def _moto_file() -> Path | None:
    spec = find_spec("moto")
    folders = (spec and spec.submodule_search_locations) or ()
    files = (Path(folder, "iam", "aws_managed_policies.py") for folder in folders)
    return next((file for file in files if file.is_file()), None)


def _read_moto(path: Path) -> Iterator[ManagedPolicy]:
    policies: dict[str, Any] = orjson.loads(_moto_text(path))
    for file in _own_files():
        policies.pop(file.stem, None)
    for name in list(policies):
        policy = policies.pop(name)  # each entry is let go as soon as it is given out
        version = {"VersionId": policy["DefaultVersionId"], "CreateDate": policy["UpdateDate"], "Document": policy["Document"]}
        yield _policy({**policy, "PolicyName": name, "PolicyVersionList": [version]})


def _moto_text(path: Path) -> str:
    spec = spec_from_file_location("aws_managed_policies", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = module_from_spec(spec)  # not put into sys.modules, so the text is freed with it
    spec.loader.exec_module(module)
    text: str = module.aws_managed_policies_data
    return text


def _policy(detail: dict[str, Any]) -> ManagedPolicy:
    return ManagedPolicy(
        arn=f"arn:aws:iam::aws:policy{detail['Path']}{detail['PolicyName']}",
        name=detail["PolicyName"],
        path=detail["Path"],
        created_ms=_milliseconds(detail["CreateDate"]),
        updated_ms=_milliseconds(detail["UpdateDate"]),
        default_version=detail["DefaultVersionId"],
        versions=tuple(_version(version) for version in detail["PolicyVersionList"]),
    )


def _version(version: dict[str, Any]) -> PolicyVersion:
    document = orjson.dumps(_as_aws_shows(version["Document"])).decode()
    return PolicyVersion(version["VersionId"], document, _milliseconds(version["CreateDate"]))


def _as_aws_shows(document: dict[str, Any]) -> dict[str, Any]:
    statement = document["Statement"]
    one_by_one = [_ordered(one, _STATEMENT_KEYS) for one in (statement if isinstance(statement, list) else [statement])]
    return _ordered({**document, "Statement": one_by_one if isinstance(statement, list) else one_by_one[0]}, _DOCUMENT_KEYS)


def _ordered(table: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """``table`` with ``keys`` first and in their order, and whatever else it has after them."""
    return {key: table[key] for key in (*keys, *table) if key in table}


def _milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp()) * 1000
