"""docs/reference/access.md: what each connector ends when somebody leaves, from manifests and measured grades."""

from __future__ import annotations

from collections.abc import Mapping

from ruamel.yaml import YAML

from connectors import grades, registry
from connectors.contract.access import GrantKind

_HEAD = """# What ends when somebody leaves

Written by `make docs` from `manifest.yaml` and `quality.yaml` of the connectors. What each connector does:
[connectors](connectors.md). How it is measured: [the conformance kit](conformance.md#of-ending-access).

- **ends**: the connector takes it away, and a look tells whether it is gone, whatever became of the answer (measured).
- **ends (declared)**: the same, not measured yet.
- **by hand**: people do it; below is where.
- nothing: the system has no such thing, or none that its API tells of. What it has and does not show is told for each
  person (`unseen`).

"""


def access_page() -> str:
    """The page as Markdown."""
    said = {name: ends for name in registry.names() if (ends := _ends(name))}
    kinds = list(GrantKind)
    lines = [
        f"| connector | {' | '.join(kinds)} |",
        f"|---|{'---|' * len(kinds)}",
        *(f"| `{name}` | {' | '.join(_cells(name, ends))} |" for name, ends in said.items()),
    ]
    why = [(name, kind, text) for name, ends in said.items() for kind, text in ends.items() if text]
    rows = [f"| `{name}` | {kind} | {' '.join(text.split())} |" for name, kind, text in why]
    hand = ["", "## By hand", "", "| connector | what | where |", "|---|---|---|", *rows] if why else []
    return _HEAD + "\n".join([*lines, *hand]) + "\n"


def _ends(connector: str) -> Mapping[str, str]:
    file = grades.beside(connector, "manifest.yaml")
    if file is None or not file.is_file():
        return {}
    said = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    return {str(kind): str(why or "") for kind, why in (said.get("ends") or {}).items()}


def _cells(connector: str, ends: Mapping[str, str]) -> list[str]:
    measured = grades.read(connector).shown
    return [_cell(kind, ends, measured) for kind in GrantKind]


def _cell(kind: GrantKind, ends: Mapping[str, str], measured: Mapping[str, str]) -> str:
    if kind not in ends:
        return ""
    if ends[kind]:
        return "by hand"
    grade = measured.get(f"access.{kind}", grades.NOT_MEASURED)
    if grade.startswith("effectively once"):
        return "ends"
    return "**rejected**" if grade == "rejected" else "ends (declared)"
