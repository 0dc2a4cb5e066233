"""Cells of CSV files, which people open in spreadsheets."""

from __future__ import annotations

from typing import Any

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins so, a spreadsheet takes for a formula."""


def safe_cell(value: Any) -> Any:
    """Text that no spreadsheet takes for a formula: other systems wrote it. Everything else as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
