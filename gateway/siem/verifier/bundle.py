"""The verifier as one file, for machines without the gateway."""

from __future__ import annotations

import ast
from importlib.resources import files

MODULES = ("chain", "ed25519", "parsing", "reading", "judging", "telling")
_HEAD = '''#!/usr/bin/env python3
"""Proves, at the receiver, that a feed of Lockstep is complete and unaltered. Python 3.8 or later, nothing else.

Printed by `lockstep siem verifier`. Try: python3 verify.py --help
"""

from __future__ import annotations

'''
_TAIL = """

if __name__ == "__main__":
    sys.exit(main())
"""


def program() -> str:
    """Its text: all modules, one after another, with the imports that they need."""
    imports: set[str] = set()
    bodies = []
    for module in MODULES:
        text = (files(__package__) / f"{module}.py").read_text(encoding="utf-8")
        needed, body = _taken_apart(text)
        imports |= needed
        bodies.append(body)
    return _HEAD + "\n".join(sorted(imports)) + "\n\n" + "\n\n\n".join(bodies) + _TAIL


def _taken_apart(text: str) -> tuple[set[str], str]:
    """Imports of the standard library, and the text without imports and docstring. What is imported for annotations
    only is left out: nothing evaluates them.
    """
    lines = text.splitlines()
    imports = set()
    dropped: set[int] = set()
    tree = ast.parse(text)
    for place, node in enumerate(tree.body):
        docstring = place == 0 and isinstance(node, ast.Expr)
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = node.module if isinstance(node, ast.ImportFrom) else ""
            if origin != "__future__" and not (origin or "").startswith("gateway."):
                imports.add(ast.unparse(node))
        elif not docstring and not typing:
            continue
        dropped |= set(range(node.lineno - 1, node.end_lineno or node.lineno))
    return imports, "\n".join(line for at, line in enumerate(lines) if at not in dropped).strip("\n")
