"""What a system said of an object's fields, and what is different from what it said before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from connectors.contract.fields import FieldInfo

TELLING_SHARE = 0.5
"""With less left of the fields than this, an account lost its rights, rather than the system its fields."""


class Gone(msgspec.Struct, frozen=True):
    """What was there once and is not any more."""

    at: float
    label: str = ""
    kind: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two descriptions."""

    what: str
    """field_added, field_removed, field_renamed, field_retyped, field_required, option_added, option_removed or
    option_renamed.
    """
    field: str
    before: str = ""
    after: str = ""


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A description, with what is remembered of those before it."""

    fields: tuple[FieldInfo, ...]
    gone: dict[str, Gone] = {}
    """Field -> since when."""
    gone_options: dict[str, dict[str, Gone]] = {}
    new_options: dict[str, dict[str, float]] = {}
    """Field -> option that was not there at first -> since when."""
    retyped: dict[str, tuple[str, float]] = {}
    """Field -> its kind at first, and since when it is another."""
    renamed: dict[str, str] = {}
    """Gone field -> the one that came in its place, by its label and kind."""

    @property
    def by_name(self) -> dict[str, FieldInfo]:
        return {each.name: each for each in self.fields}


def hides(before: Described, now: Sequence[FieldInfo]) -> bool:
    """Whether so much is missing that the account can no longer see it: nothing is concluded from that."""
    return len({each.name for each in now} & before.by_name.keys()) < len(before.fields) * TELLING_SHARE


def describe(before: Described | None, found: Iterable[FieldInfo], at: float) -> tuple[Described, list[Change]]:
    """The description of now, and what changed; nothing does with the first one."""
    now = {each.name: each for each in found}
    fields = tuple(now[name] for name in sorted(now))
    if before is None:
        return Described(fields=fields), []
    then = before.by_name
    renamed = _renamed(then, now)
    gone = {name: each for name, each in before.gone.items() if name not in now}
    gone |= {name: Gone(at, each.label, each.kind) for name, each in then.items() if name not in now}
    described = Described(
        fields=fields,
        gone=gone,
        gone_options=_gone_options(before, now, at),
        new_options=_new_options(before, now, at),
        retyped=_retyped(before, now, at),
        renamed={old: new for old, new in (before.renamed | renamed).items() if old in gone and new in now},
    )
    return described, _changes(then, now, renamed)


def options(field: FieldInfo) -> dict[str, str]:
    """Option -> its other spelling."""
    labels = field.labels if len(field.labels) == len(field.options) else field.options
    return dict(zip(field.options, labels, strict=True))


def _renamed(then: Mapping[str, FieldInfo], now: Mapping[str, FieldInfo]) -> dict[str, str]:
    """A field that came with the label and kind of one that went: the same thing under another name."""
    came = {(each.label, each.kind): name for name, each in now.items() if name not in then and each.label}
    return {
        name: came[(each.label, each.kind)]
        for name, each in then.items()
        if name not in now and (each.label, each.kind) in came
    }


def _changes(then: Mapping[str, FieldInfo], now: Mapping[str, FieldInfo], renamed: Mapping[str, str]) -> list[Change]:
    found = [Change(what="field_renamed", field=old, before=old, after=new) for old, new in renamed.items()]
    went = [name for name in then if name not in now and name not in renamed]
    came = [name for name in now if name not in then and name not in renamed.values()]
    found += [Change(what="field_removed", field=name, before=then[name].label) for name in went]
    found += [Change(what="field_added", field=name, after=now[name].label) for name in came]
    for name in sorted(then.keys() & now.keys()):
        found += _changes_of(then[name], now[name])
    return found


def _changes_of(then: FieldInfo, now: FieldInfo) -> list[Change]:
    found = []
    if then.kind != now.kind:
        found.append(Change(what="field_retyped", field=now.name, before=then.kind, after=now.kind))
    if now.required and not then.required:
        found.append(Change(what="field_required", field=now.name))
    old, new = options(then), options(now)
    again = {label: value for value, label in new.items() if value not in old and label}
    renamed = {value: again[label] for value, label in old.items() if value not in new and label in again}
    for value, other in renamed.items():
        found.append(Change(what="option_renamed", field=now.name, before=value, after=other))
    went = [value for value in old if value not in new and value not in renamed]
    came = [value for value in new if value not in old and value not in renamed.values()]
    found += [Change(what="option_removed", field=now.name, before=_both(value, old)) for value in went]
    return found + [Change(what="option_added", field=now.name, after=_both(value, new)) for value in came]


def _both(value: str, options: Mapping[str, str]) -> str:
    label = options[value]
    return f"{value} ({label})" if label and label != value else value


def _gone_options(before: Described, now: Mapping[str, FieldInfo], at: float) -> dict[str, dict[str, Gone]]:
    found = {}
    for name, field in now.items():
        here = options(field)
        old = options(before.by_name[name]) if name in before.by_name else {}
        gone = {value: each for value, each in before.gone_options.get(name, {}).items() if value not in here}
        gone |= {value: Gone(at, label) for value, label in old.items() if value not in here}
        if gone:
            found[name] = gone
    return found


def _new_options(before: Described, now: Mapping[str, FieldInfo], at: float) -> dict[str, dict[str, float]]:
    found = {}
    for name, field in now.items():
        if name not in before.by_name:
            continue
        here, old = options(field), options(before.by_name[name])
        new = {value: since for value, since in before.new_options.get(name, {}).items() if value in here}
        new |= {value: at for value in here if value not in old and value not in before.gone_options.get(name, {})}
        if new:
            found[name] = new
    return found


def _retyped(before: Described, now: Mapping[str, FieldInfo], at: float) -> dict[str, tuple[str, float]]:
    found = dict(before.retyped)
    for name, field in now.items():
        old = before.by_name.get(name)
        if old is not None and old.kind != field.kind:
            found.setdefault(name, (old.kind, at))
    return {name: (kind, since) for name, (kind, since) in found.items() if name in now and now[name].kind != kind}
