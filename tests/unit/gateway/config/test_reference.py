"""The reference pages: every block in them loads, and every key of the models is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.config import access, auth, notifications, read, siem
from gateway.config import model as config_model
from mappings import model as mapping_model
from mappings import task_model
from mappings.loader import read_mapping
from mappings.testing import run_tests

PAGES = Path(__file__).parents[4] / "docs" / "reference"
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
VARIABLES = ("DATABASE_PASSWORD", "SNOW_USER", "SNOW_PASSWORD", "SNOW_HOOK", "JIRA_TOKEN", "JIRA_HOOK", "OIDC_SECRET")
ENV = {
    "SNOW_URL": "https://dev1.service-now.com",
    "LOCKSTEP_CI_TOKEN": "x" * 32,
    "OPS_KEY": "whsec_" + "k" * 44,
    **dict.fromkeys(VARIABLES, "x"),
}


def blocks(page: str) -> list[str]:
    return BLOCK.findall((PAGES / page).read_text())


def test_the_configuration_loads(tmp_path: Path) -> None:
    (text,) = blocks("configuration.md")
    file = tmp_path / "lockstep.yaml"
    file.write_text(text)
    _, problems = read(file, ENV)
    assert [str(problem) for problem in problems] == []


def test_the_mapping_compiles_and_passes_its_tests(tmp_path: Path) -> None:
    record_type, mapping, tests = blocks("mapping.md")
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "request.yaml").write_text(record_type)
    (tmp_path / "desk-ticket.yaml").write_text(mapping)
    (tmp_path / "desk-ticket.test.yaml").write_text(tests)
    assert [str(problem) for problem in read_mapping(tmp_path / "desk-ticket.yaml").problems] == []
    report = run_tests(tmp_path / "desk-ticket.test.yaml")
    assert [str(problem) for problem in report.problems] == []
    assert report.passed == 4


def keys(module: object) -> set[str]:
    """The keys of all models of a module, as they are written."""
    models = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, BaseModel) and each.model_fields
    ]
    return {field.alias or name for each in models for name, field in each.model_fields.items()}


@pytest.mark.parametrize(
    ("page", "module"),
    [
        ("configuration.md", config_model),
        ("configuration.md", access),
        ("configuration.md", auth),
        ("configuration.md", notifications),
        ("configuration.md", siem),
        ("mapping.md", mapping_model),
        ("mapping.md", task_model),
    ],
)
def test_every_key_is_explained(page: str, module: object) -> None:
    """`kind` of a merge rule is how the loader spells the short form; nobody writes it."""
    text = (PAGES / page).read_text()
    missing = sorted(key for key in keys(module) - {"kind"} if not re.search(rf"\b{key}\b", text))
    assert missing == []
