"""Declared normalisers: what a system does to a text when it stores it. Each is idempotent, and so is the chain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mappings.model import FieldModel

Normaliser = Callable[[Any], Any]


def line_feeds(text: str) -> str:
    """Line breaks in the one form used inside: a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def text_shown(ext: Any) -> Any:
    """A text with its line breaks evened; a number or a truth value as text. Anything else stays, to be refused."""
    if isinstance(ext, str):
        return line_feeds(ext)
    if isinstance(ext, bool):
        return "true" if ext else "false"
    return str(ext) if isinstance(ext, (int, float)) else ext


def of_text(rule: FieldModel) -> Normaliser:
    """The chain for a text field. Cutting comes last but one, because changing case may change length."""
    single_line, lower, cut = rule.single_line, rule.lower, rule.max_length
    ends = {False: "", True: None, "lines": "\n"}[rule.strip]

    def normalise(ext: Any) -> Any:
        if not isinstance(ext, str):
            return ext
        text = line_feeds(ext)
        if single_line:
            text = text.replace("\n", " ")
        if lower:
            text = text.lower()
        text = text.strip(ends)
        if cut is not None and len(text) > cut:
            text = text[:cut].rstrip(ends)
        return text or None

    return normalise


def element(spaces: str | None, *, lower: bool, max_length: int | None) -> Callable[[str], str]:
    """What becomes of one element of a set."""

    def normalise(text: str) -> str:
        text = text.strip() if spaces is None else spaces.join(text.split())
        text = text.lower() if lower else text
        return text if max_length is None else text[:max_length].strip()

    return normalise


def of_set(separator: str | None, one: Callable[[str], str]) -> Normaliser:
    """A list or joined text as a sorted list without doubles and empties; what is neither stays, to be refused."""

    def normalise(ext: Any) -> Any:
        if ext is None:
            return []
        if isinstance(ext, str):
            ext = ext.split(separator) if separator else [ext]
        if not isinstance(ext, (list, tuple)) or any(isinstance(each, (list, dict)) for each in ext):
            return ext
        return sorted({one(str(each)) for each in ext if each is not None} - {""})

    return normalise
