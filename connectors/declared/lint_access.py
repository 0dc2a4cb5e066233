"""What an `access:` block needs for its promises: nobody else is touched, and nothing is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from connectors.declared.deciding import OF_ACCOUNTS, OF_COMPUTED, OF_FINDERS, OF_FIRST, OF_GRANTS, OF_STILL
from connectors.declared.lint_slots import Known, lint_changing, lint_reading, lint_text
from connectors.declared.model.access import HANDED_OVER, Access, End, Having, Still
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.requests import RangePages, Reading
from connectors.declared.model.writes import Changing
from connectors.declared.slots import parse, texts_in

At = tuple[str | int, ...]
Condition = Callable[[Source, At, str, tuple[str, ...]], Iterator[Problem]]
_ACCOUNT = ("id", "name", "email")
_FROM_ANSWERS = frozenset({"whom", "account", "row", "grant", "detail", "to", "note"})
"""What people write, here or in other systems."""


def lint_access(source: Source, file: ConnectorFile, condition: Condition) -> Iterator[Problem]:
    """All problems of the block. `condition` checks CEL over the variables it is given."""
    if file.access is None:
        return
    own: Known = dict.fromkeys(file.needs, ())
    yield from _conditions(source, file.access, condition)
    yield from _accounts(source, file, file.access, own)
    for name, having in file.access.has.items():
        yield from _having(source, file, ("access", "has", name), having, own)
    yield from _kinds(source, file.access)


def _conditions(source: Source, access: Access, condition: Condition) -> Iterator[Problem]:
    at: At = ("access", "account")
    yield from condition(source, (*at, "active"), access.account.active, OF_ACCOUNTS)
    yield from condition(source, (*at, "privileged"), access.account.privileged, OF_ACCOUNTS)
    for number, finder in enumerate(access.found_by):
        yield from condition(source, ("access", "found_by", number, "when"), finder.when, OF_FINDERS)
    for name, having in access.has.items():
        at = ("access", "has", name)
        yield from condition(source, (*at, "when"), having.when, OF_FINDERS)
        yield from condition(source, (*at, "where"), having.where, OF_GRANTS)
        yield from condition(source, (*at, "privileged"), having.privileged, OF_GRANTS)
        if having.seen_if is not None:
            yield from condition(source, (*at, "seen_if", "holds"), having.seen_if.holds, OF_ACCOUNTS)
        if having.end is not None and isinstance(having.end.still, Still):
            yield from condition(source, (*at, "end", "still", "holds"), having.end.still.holds, OF_STILL)
        for key, text in (having.end.compute if having.end else {}).items():
            yield from condition(source, (*at, "end", "compute", key), text, OF_COMPUTED)
        if having.end is not None and having.end.first is not None:
            yield from condition(source, (*at, "end", "first", "shows"), having.end.first.shows, OF_FIRST)


def _accounts(source: Source, file: ConnectorFile, access: Access, own: Known) -> Iterator[Problem]:
    at: At = ("access", "account")
    yield from _asked(source, file, at, access.account, {**own, "account": ("id",)})
    if access.account.otherwise is not None:
        yield from _asked(source, file, (*at, "otherwise"), access.account.otherwise, {**own, "account": ("id",)})
    for name, part in access.account.also.items():
        yield from _asked(source, file, (*at, "also", name), part, {**own, "account": ("id", "name")})
    for number, finder in enumerate(access.found_by):
        at = ("access", "found_by", number)
        known: Known = {**own, "whom": (finder.by,), **_paged(finder)}
        yield from _asked(source, file, at, finder, known)
        if finder.each is not None:
            yield from _asked(source, file, (*at, "each"), finder.each, {**known, "row": None})


def _having(source: Source, file: ConnectorFile, at: At, having: Having, own: Known) -> Iterator[Problem]:
    known: Known = {**own, "account": _ACCOUNT}
    if having.list is not None:
        yield from _asked(source, file, (*at, "list"), having.list, {**known, **_paged(having.list)})
        yield from lint_text(source, (*at, "name"), having.name, {**known, "row": None})
    if having.seen_if is not None:
        yield from _asked(source, file, (*at, "seen_if"), having.seen_if, own)
    for name, part in having.also.items():
        yield from _asked(source, file, (*at, "also", name), part, {**known, "row": None})
    if having.end is not None:
        yield from _end(source, file, (*at, "end"), having, having.end, known)


def _end(source: Source, file: ConnectorFile, at: At, having: Having, end: End, known: Known) -> Iterator[Problem]:
    known = {
        **known,
        "grant": ("id", "name"),
        **({"detail": tuple(having.detail)} if having.detail else {}),
        "note": (),
        "operation": (),
        "to": _ACCOUNT,
    }
    if isinstance(end.still, Still):
        yield from _asked(source, file, (*at, "still"), end.still, {**known, "to": ()})
    if end.still is not None:
        known = {**known, "row": None}
    if end.compute:
        known = {**known, "computed": tuple(end.compute)}
    if end.first is not None:
        yield from _changing(source, file, (*at, "first"), end.first, known)
    yield from _changing(source, file, at, end, known)
    yield from _names_whom(source, at, having, end)
    if having.kind in HANDED_OVER and end.still is None:
        text = f"{having.kind} may be somebody else's by now, and is taken only from the person who leaves"
        yield source.problem(at, "still", text, "'still: {get: ..., holds: ...}', or 'still: listed'", key=True)
    if end.still == "listed" and having.list is None:
        yield source.problem((*at, "still"), "still", "there is no list of accounts", "'still: {get: ...}'")
    if having.secret_id and end.still != "listed":
        text = "the request cannot know an id that is told to nobody"
        yield source.problem(at, "still", text, "'still: listed', and ${row...} in the request", key=True)


def _names_whom(source: Source, at: At, having: Having, end: End) -> Iterator[Problem]:
    wanted = {"account", "grant", "row"} if having.list is None else {"grant", "detail", "row"}
    if end.still == "listed" or (isinstance(end.still, Still) and "grant.id" in end.still.holds):
        return
    if not {slot.names[0] for text in _texts(end) for slot in parse(text).slots} & wanted:
        text = "the request does not say what it takes away"
        one = "${account.id}" if having.list is None else "${grant.id}"
        yield source.problem((*at, end.method.lower()), "end", text, f"{one} in it")


def _kinds(source: Source, access: Access) -> Iterator[Problem]:
    ways: dict[str, str] = {}
    always = {name: having for name, having in access.has.items() if having.when == "true"}
    accounts = [name for name, having in always.items() if having.kind == "account"]
    for name in accounts[1:]:
        yield source.problem(("access", "has", name, "kind"), "kind", f"{accounts[0]} is the account already")
    for name, having in always.items():
        way = "end" if having.end is not None else "by_hand" if having.by_hand is not None else ""
        if way and ways.setdefault(having.kind, way) != way:
            text = f"what is of the kind {having.kind} is ended by us or by a person, and not by either"
            yield source.problem(("access", "has", name), "kind", text, "another kind for one of them")


def _asked(source: Source, file: ConnectorFile, at: At, reading: Reading, known: Known) -> Iterator[Problem]:
    yield from lint_reading(source, at, reading, known)
    yield from _unquoted(source, file, at, reading.query)


def _changing(source: Source, file: ConnectorFile, at: At, changing: Changing, known: Known) -> Iterator[Problem]:
    yield from lint_changing(source, at, changing, known)
    yield from _unquoted(source, file, at, {} if getattr(changing, "form", False) else changing.query)


def _unquoted(source: Source, file: ConnectorFile, at: At, query: dict[str, str]) -> Iterator[Problem]:
    """Where a system's queries are a language, what people wrote stands between quotation marks or is the parameter."""
    for name, text in query.items() if file.http.quotes != "refuse" else ():
        parts = _parts(text)
        for before, slot, after in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
            alone = not before and not after
            if isinstance(slot, str) or slot[0] not in _FROM_ANSWERS or alone:
                continue
            if not (isinstance(before, str) and isinstance(after, str) and before[-1:] == after[:1] != ""):
                said = f"${{{'.'.join(slot)}}} stands in a query without quotation marks, and could become part of it"
                yield source.problem((*at, "query", name), "quotes", said, f"'${{{'.'.join(slot)}}}' between them")


def _parts(text: str) -> list[str | tuple[str, ...]]:
    try:
        return [each if isinstance(each, str) else each.names for each in parse(text).parts]
    except ValueError:
        return []


def _paged(listing: Reading) -> dict[str, tuple[str, ...] | None]:
    return {"page": ("from", "to")} if isinstance(getattr(listing, "page", None), RangePages) else {}


def _texts(changing: Changing) -> list[str]:
    return [changing.address, *changing.query.values(), *changing.headers.values(), *texts_in(changing.body)]
