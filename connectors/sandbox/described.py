"""What an administrator changed of a stand-in's description of its fields, by `PATCH /_sandbox/options`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class FieldChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one field. What is left out stays as the stand-in has it; a field that it does not have is a new one."""

    removed: bool = False
    kind: str = ""
    label: str = ""
    options: Mapping[str, str] | None = None
    """All of them: value -> label."""
