"""constraints.txt agrees with pyproject.toml, names no index, and what is installed is what is pinned."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.shared import REPOSITORY

FIVE = {"gateway", "connectors", "mappings", "dead_letter", "replay"}


def project() -> dict[str, Any]:
    with (REPOSITORY / "pyproject.toml").open("rb") as handle:
        found: dict[str, Any] = tomllib.load(handle)["project"]
        return found


def requirements() -> list[Requirement]:
    extras = project()["optional-dependencies"]
    asked = [*project()["dependencies"], *extras["test"], *extras["dev"]]
    return [found for text in asked if (found := Requirement(text)).name != project()["name"]]


def pins() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    pinned = pins().get(canonicalize_name(requirement.name))
    assert pinned, f"run `make constraints`: {requirement.name} is not pinned"
    assert requirement.specifier.contains(pinned), f"run `make constraints`: {pinned} is outside {requirement}"


def test_pins_name_no_address() -> None:
    text = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--find-links| @ ", text)


def test_the_stream_engine_is_pinned_exactly() -> None:
    exact = {found.name for found in requirements() if str(found.specifier).startswith("==")}
    assert exact >= {"faust-streaming", "mode-streaming", "aiokafka"}


def test_no_dependency_brings_one_of_our_top_level_names() -> None:
    # The risk that docs/adr/0002 accepts. An editable install of ours may or may not be listed.
    owners = metadata.packages_distributions()
    assert {name: set(owners.get(name, ())) - {project()["name"]} for name in FIVE} == {name: set() for name in FIVE}
