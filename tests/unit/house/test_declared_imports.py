"""What the product imports, it declares: a package that only comes along with another may leave with it."""

from __future__ import annotations

import ast
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.support.shared import REPOSITORY
from tests.unit.house.test_pins import FIVE, project, requirements


def imported(source: str) -> set[str]:
    """Top-level names a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def third_party(package: Path) -> dict[str, str]:
    """Each foreign top-level name with one file that imports it."""
    named = {name: str(file) for file in package.rglob("*.py") for name in imported(file.read_text(encoding="utf-8"))}
    return {name: file for name, file in named.items() if name not in FIVE | sys.stdlib_module_names}


@pytest.mark.parametrize("package", sorted(FIVE))
def test_every_import_is_a_declared_dependency(package: str) -> None:
    runtime = len(project()["dependencies"])
    declared = {canonicalize_name(requirement.name) for requirement in requirements()[:runtime]}
    owners = metadata.packages_distributions()
    for name, file in third_party(REPOSITORY / package).items():
        brought_by = {canonicalize_name(owner) for owner in owners.get(name, ())}
        assert brought_by & declared, f"{file} imports {name}, of {brought_by or 'nothing installed'}: declare it"


def test_imports_inside_functions_are_seen() -> None:
    assert imported("def f():\n    import os.path\n    from yarl import URL\n") == {"os", "yarl"}
