"""What the documents say about the repository is so: paths, links, targets, versions, the import rule, the excerpts."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from stead import __version__
from stead.controllers.runner import Controller

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    ROOT / "designs/README.md",
    ROOT / "changes/README.md",
    ROOT / "bench/README.md",
    *ROOT.glob("bench/[a-z]*/README.md"),
]
HOW_TOS = list(ROOT.glob("docs/how-to/*.md"))
SOURCES = [path.read_text("utf-8") for path in [*ROOT.glob("src/stead/**/*.py"), *ROOT.glob("src/stead/**/*.toml")]]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
KINDS = {"added", "changed", "deprecated", "removed", "fixed", "security"}


def every(pattern: str, path: Path) -> list[str]:
    return re.findall(pattern, path.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    links = [link.partition("#")[0] for link in every(r"\]\(([^)]+)\)", document) if "://" not in link]
    assert [link for link in links if link and not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_paths_exist(document: Path) -> None:
    """A path in backticks is one of the repository's."""
    paths = every(r"`((?:src|tests|scripts|docs|designs|changes|bench)/[^`\s<>*]*)`", document)
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_make_targets_exist(document: Path) -> None:
    targets = set(every(r"^([a-z-]+):", ROOT / "Makefile"))
    assert {"run", "test", "demo"} <= targets
    assert [word for word in every(r"(?:`|^)make ([a-z-]+)", document) if word not in targets] == []


def test_architecture_draws_the_import_rule() -> None:
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]
    assert "\n".join(contract["layers"]) in (ROOT / "ARCHITECTURE.md").read_text("utf-8")


def test_architecture_names_what_exists() -> None:
    """The modules of the table are modules of the package."""
    modules = every(r"`([a-z0-9_/]+(?:\.py|/))`", ROOT / "ARCHITECTURE.md")
    assert len(modules) > 10
    assert [module for module in modules if not (ROOT / "src/stead" / module).exists()] == []


@pytest.mark.parametrize("how_to", HOW_TOS, ids=named)
def test_excerpts_are_the_code(how_to: Path) -> None:
    for block in every(r"^```(?:python|toml)\n(.*?)^```$", how_to):
        assert any(block in source for source in SOURCES), block


def test_the_how_to_of_a_workflow_knows_the_whole_protocol() -> None:
    methods = [name for name in vars(Controller) if not name.startswith("_") and callable(getattr(Controller, name))]
    text = (ROOT / "docs/how-to/add-a-workflow.md").read_text("utf-8")
    assert len(methods) > 2
    assert [name for name in methods if f"`{name}(" not in text] == []


def test_the_version_is_one() -> None:
    assert PROJECT["project"]["version"] == __version__
    assert every(r"^## \[(.*?)\]", ROOT / "CHANGELOG.md")[0] in {__version__, "Unreleased"}


def test_fragments_are_named_as_they_should() -> None:
    fragments = [path for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert [path.name for path in fragments if not re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md", path.name)] == []
    assert [path.name for path in fragments if not path.read_text("utf-8").strip()] == []


def test_the_guides_policies_are_word_for_word() -> None:
    """service-linked-roles.md 3.1: these texts, with nothing added, must be enough."""
    actions = {
        "create": "iam:CreateServiceLinkedRole",
        "edit": "iam:UpdateRoleDescription",
        "delete": ["iam:DeleteServiceLinkedRole", "iam:GetServiceLinkedRoleDeletionStatus"],
    }
    for name, action in actions.items():
        document = json.loads((ROOT / f"docs/policies/{name}-linked-role.json").read_text("utf-8"))
        assert document["Statement"] == {
            "Effect": "Allow",
            "Action": action,
            "Resource": "arn:aws:iam::*:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS*",
            "Condition": {"StringLike": {"iam:AWSServiceName": "ecs.amazonaws.com"}},
        }


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"


def test_help_lists_every_target_that_the_documents_promise() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} >= {"setup", "run", "demo", "test", "check", "bench"}
