"""Personal values are hidden here, on the server, from whoever may not see them. Pure: the audit of a look in clear is
`gateway.work.personal`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dead_letter.evidence import PERSONAL, masked
from gateway.access.rights import Principal, Right

MASK = "***"
_VALUES = frozenset(
    {
        "value",
        "shows",
        "sent",
        "was",
        "now",
        "before",
        "after",
        "old",
        "new",
        "ext",
        "lost",
        "ours",
        "theirs",
        "base",
        "choice",
        "got",
        "wanted",
    }
)
"""Keys that hold a value where the field's name stands beside them: `{"field": "caller", "value": ...}`."""
_NAMES = ("field", "name")
"""Keys under which the name of a field stands beside its values."""


def mask(values: Any, personal_fields: Collection[str], who: Principal, *, show: bool = True) -> Any:
    """`values` as `who` may see them: a copy in which each personal value is `***`, or `values` themselves for who has
    the right to see personal values and wants to (`show`).

    Covers, at any depth: a key that is a personal field; the values beside a `field` or `name` that is one, with all
    that is below them; and what stored evidence lists as personal, in any evidence found on the way. Empty values stay.
    """
    if show and who.may(Right.SEE_PERSONAL):
        return values
    return _hidden(values, frozenset(name.casefold() for name in personal_fields))


def holds_personal(values: Any, personal_fields: Collection[str]) -> bool:
    """Whether a look at `values` in clear shows anything personal, so that it has to be audited."""
    return bool(_hidden(values, frozenset(name.casefold() for name in personal_fields)) != values)


def _hidden(value: Any, personal: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return _mapping(value, personal)
    if isinstance(value, list | tuple):
        return [_hidden(each, personal) for each in value]
    return value


def _mapping(value: Mapping[str, Any], personal: frozenset[str]) -> dict[str, Any]:
    pointers = value.get(PERSONAL)
    if isinstance(pointers, list) and all(isinstance(each, str) and each.startswith("/") for each in pointers):
        value = masked(value)
    beside = any(isinstance(named := value.get(key), str) and named.casefold() in personal for key in _NAMES)
    shown: dict[str, Any] = {}
    for key, each in value.items():
        named = str(key).casefold()
        if named in personal or (beside and named in _VALUES):
            shown[key] = _empty_or_mask(each)
        elif beside and isinstance(each, Mapping):
            shown[key] = _below(each)
        else:
            shown[key] = _hidden(each, personal)
    return shown


def _below(value: Any) -> Any:
    """All that is said of a personal field below its name: `{"systems": {"jira": {"shows": ...}}}`."""
    if isinstance(value, Mapping):
        return {
            key: _empty_or_mask(each) if str(key).casefold() in _VALUES else _below(each) for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_below(each) for each in value]
    return value


def _empty_or_mask(value: Any) -> Any:
    return value if value in (None, "", [], {}) else MASK
