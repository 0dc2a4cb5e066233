"""The evaluator of CEL: the package's compiled part alone.

Its `__init__` also brings its own command line with a terminal toolkit, a tenth of a second that every command of ours
would wait for.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cel import Program
    from cel import compile as compiled
else:

    def _compiled() -> Any:
        package = find_spec("cel")
        inner = PathFinder.find_spec("cel.cel", package.submodule_search_locations) if package else None
        if "cel" in sys.modules or inner is None or inner.loader is None:
            import cel

            return cel
        module = module_from_spec(inner)
        inner.loader.exec_module(module)
        return module

    _engine = _compiled()
    Program, compiled = _engine.Program, _engine.compile

__all__ = ["Program", "compiled"]
