"""Connector files that people start from have no problems, and their own tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.declared.loader import load
from connectors.declared.testing import run
from mappings.testing import run_tests
from tests.support.shared import REPOSITORY

EXAMPLES = REPOSITORY / "examples"
FOUND = [*EXAMPLES.rglob("connectors/*.yaml"), *(REPOSITORY / "connectors").glob("*/connector.yaml")]
SHIPPED = sorted(file for file in FOUND if "." not in file.stem)
MAPPINGS = sorted(EXAMPLES.rglob("*.test.yaml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_connector_file_is_good(file: Path) -> None:
    loaded = load(file)
    assert loaded.tests, "a file that people copy shows how it is tested"
    assert [each for each in run(loaded) if each.failures] == []


@pytest.mark.parametrize("file", MAPPINGS, ids=lambda file: file.name)
def test_the_tests_of_a_shipped_mapping_pass(file: Path) -> None:
    report = run_tests(file)
    assert report.problems == ()
    assert report.passed
