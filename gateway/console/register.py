"""Registering a connection, step by step: a draft that one may leave and come back to, form and file side by side.

It ends in the same verbs as `apply`: the wizard writes no configuration of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from connectors import registry
from connectors.contract.errors import InputError
from connectors.contract.written.problems import Problem
from gateway.access.rights import Right
from gateway.config import files as connector_files
from gateway.config.parts import PART, places_of, value_at, with_values
from gateway.config.secrets import STORED
from gateway.console.frame import Asked, Misunderstood, Unseen
from gateway.console.register_forms import KINDS, Field, auth_fields, auth_kind, blamed, settings_fields
from gateway.console.register_steps import APPLIED, records_form, records_values, standing
from gateway.console.rendering import path
from gateway.work import draft_trying, drafts
from gateway.work.connector_files import ConnectorInvalid, ConnectorReport, installed, validate_connector
from gateway.work.drafts import Draft
from gateway.work.registering import ConfigurationInvalid, Plan, plan_files

STEPS: Mapping[str, str] = {
    "connector": "Connector",
    "settings": "Settings",
    "signin": "Sign in",
    "test": "Test",
    "records": "Records and scope",
    "review": "Put in place",
    "shadow": "Shadow run",
    "live": "Live",
}
ORDER = tuple(STEPS)
SAVED = ("connector", "settings", "signin", "records")
"""Steps that change the draft's files."""
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_NEW = """\
connections:
  {name}:
    connector: {connector}
    poll: {{every: 60s}}
"""


async def start(asked: Asked, *, status: int = 200, wrong: str = "", problems: Any = ()) -> web.StreamResponse:
    """`/register`: drafts to go on with, and a new one."""
    asked.who.require(Right.CONFIGURE)
    place = asked.desk.place
    return asked.page(
        "register.html",
        status=status,
        here="connections",
        drafts=[(each, STEPS[each.step]) for each in await drafts.list_drafts(place, asked.who)],
        connectors=[*registry.names(), *connector_files.names(place.config.file)],
        given={name: asked.field(name) for name in ("name", "connector", "text")},
        wrong=wrong,
        problems=problems,
    )


async def begin(asked: Asked) -> web.StreamResponse:
    """`POST /register`: a name, and a connector that is installed or a file of one's own."""
    name, connector, text = asked.field("name"), asked.field("connector"), _unix(asked.field("text"))
    upload = asked.sent.get("file")
    if isinstance(upload, web.FileField) and (said := upload.file.read()):
        text = _unix(said.decode("utf-8", errors="replace"))
    if not _NAME.fullmatch(name):
        wrong = "Name the connection: a small letter first, then small letters, digits, - and _, such as desk-eu"
        return await start(asked, status=422, wrong=wrong)
    try:
        files, connector = _first_files(asked, connector, text)
        files[PART] = _signing(name, _NEW.format(name=name, connector=connector), _report(asked, connector, files))
        draft = await drafts.begin_draft(asked.desk.place, asked.who, name, files, "settings")
    except ConnectorInvalid as error:
        return await start(asked, status=422, wrong="The file is no connector yet", problems=error.found)
    except InputError as error:
        return await start(asked, status=error.status, wrong=str(error))
    return web.Response(status=303, headers={"Location": _href(draft, "settings")})


def _first_files(asked: Asked, connector: str, text: str) -> tuple[dict[str, str], str]:
    if text:
        found = validate_connector(asked.desk.place, asked.who, text)
        known = {*registry.names(), *connector_files.names(asked.desk.place.config.file)}
        if found.connector in known:
            why = f"there is a connector {found.connector} already: choose it, or give the file another name"
            raise drafts.DraftRefused(why, code="draft.taken")
        return {f"connectors/{found.connector}.yaml": text}, found.connector
    if not connector:
        raise Misunderstood("Choose a connector, or bring a file")
    return {}, connector


def _signing(name: str, text: str, report: ConnectorReport | None) -> str:
    kinds = report.auth if report and report.auth else ("basic",)
    return _with_kind(name, text, kinds[0])


def _with_kind(name: str, text: str, kind: str) -> str:
    """The part with another way to sign in; secrets are references to what the database keeps."""
    fields = auth_fields(name, text, kind, ())
    said = {
        each.keys[-1]: f"{STORED}{each.keys[-1]}"
        for each in fields
        if each.kind in ("secret", "area") and each.required
    }
    said |= {each.keys[-1]: str(each.value) or "lockstep" for each in fields if each.kind == "text" and each.required}
    text = with_values(text, {("connections", name, "auth"): None})
    return with_values(text, {("connections", name, "auth"): {kind: said or None}})


async def step(asked: Asked) -> web.StreamResponse:
    """`/register/{draft}/{step}`."""
    return await _page(asked, await _draft(asked))


async def save(asked: Asked) -> web.StreamResponse:
    """`POST /register/{draft}/{step}`: what was typed into form or file is kept; with problems of this step or one
    before, the page says them, else it goes on.
    """
    draft, here = await _draft(asked), asked.request.match_info["step"]
    do = asked.field("do")
    try:
        if do == "drop":
            await drafts.drop_draft(asked.desk.place, asked.who, draft)
            return asked.back("/register", f"The draft of {draft.name} is gone.")
        if do in APPLIED:
            return await APPLIED[do](asked, draft)
        if here == "test":
            return await _tested(asked, draft)
        if here in SAVED:
            return await _saved(asked, draft, here, do)
    except drafts.DraftMoved as error:
        return asked.back(_href(draft, here), f"Not kept: {error}.", tone="warn")
    raise Misunderstood("Say what is to be done at this step.")


async def _saved(asked: Asked, draft: Draft, here: str, do: str) -> web.StreamResponse:
    files, handed = dict(draft.files), False
    if do == "file":
        files[_file(draft, here)] = _unix(asked.field("text")) + "\n"
    elif here == "settings":
        files[PART] = _filled(asked, files[PART], settings_fields(draft.name, files[PART], _report_of(asked, draft)))
    elif here == "signin":
        files[PART], handed = await _signed(asked, draft, do)
    elif here == "records":
        files |= await records_values(asked, draft, _report_of(asked, draft))
    tested = draft.tested if _speaks_as_before(draft, files) and not handed else drafts.Tested()
    draft = await drafts.save_draft(asked.desk.place, asked.who, draft, files=files, step=here, tested=tested)
    if do in ("kind", "again", "count"):
        return await _page(asked, draft, told=do == "again")
    _, problems = await _plan(asked, draft)
    mine = [each for each in problems if _concerns(draft, each, here)]
    if mine or do == "file":
        said = "" if mine else "Kept; the file says what the form does."
        return await _page(asked, draft, status=422 if mine else 200, problems=mine, said=said)
    following = ORDER[ORDER.index(here) + 1]
    return web.Response(status=303, headers={"Location": _href(draft, following)})


def _speaks_as_before(draft: Draft, files: Mapping[str, str]) -> bool:
    """Whether a test of before still says something: another flow is no other connection, another credential is."""
    here, own = ("connections", draft.name), _file(draft, "connector")
    same = value_at(draft.files[PART], here) == value_at(files[PART], here)
    return same and draft.files.get(own) == files.get(own)


def _filled(asked: Asked, text: str, fields: list[Field]) -> str:
    return with_values(text, {each.keys: each.read(asked.field(each.name)) for each in fields})


async def _signed(asked: Asked, draft: Draft, do: str) -> tuple[str, bool]:
    """The part with what the form says, and whether another secret was handed in."""
    text, kind = draft.files[PART], asked.field("kind") or auth_kind(draft.name, draft.files[PART])
    if kind not in KINDS:
        raise Misunderstood(f"{kind} is no way to sign in.")
    if kind != auth_kind(draft.name, text):
        text = _with_kind(draft.name, text, kind)
    if do == "kind":
        return text, False
    fields = auth_fields(draft.name, text, kind, ())
    typed = {each: asked.field(each.name) for each in fields}
    handed = {each.keys[-1]: said for each, said in typed.items() if each.kind in ("secret", "area") and said}
    if handed:
        await drafts.keep_secrets(asked.desk.place, asked.who, draft, handed)
    values: dict[Any, Any] = {each.keys: said for each, said in typed.items() if each.kind == "text"}
    values |= {("connections", draft.name, "auth", kind, name): f"{STORED}{name}" for name in handed}
    if "webhook" in asked.sent:
        values[("connections", draft.name, "webhook", "secret")] = asked.field("webhook")
    return with_values(text, values), bool(handed)


async def _tested(asked: Asked, draft: Draft) -> web.StreamResponse:
    if asked.desk.trying is None:
        raise Misunderstood("This process runs no connector; test it at one that does.")
    try:
        tested = await draft_trying.test_draft(asked.desk.place, asked.who, draft, asked.desk.trying)
    except ConfigurationInvalid as error:
        return await _page(asked, draft, status=422, problems=error.found)
    draft = await drafts.save_draft(asked.desk.place, asked.who, draft, tested=tested, step="test")
    return await _page(asked, draft)


async def _page(
    asked: Asked,
    draft: Draft,
    *,
    status: int = 200,
    problems: list[Problem] | None = None,
    said: str = "",
    told: bool = False,
) -> web.StreamResponse:
    here = asked.request.match_info["step"]
    report, found = _report_of(asked, draft), list(problems or ())
    plan: Plan | None = None
    if here == "review" or told:
        plan, found = await _plan(asked, draft)
    fields = await _fields(asked, draft, here, report)
    fields, listed = blamed(fields, draft.files.get(PART, ""), found)
    around = await standing(asked, draft) if here in ("review", "shadow", "live") else {}
    return asked.page(
        f"register_{here}.html",
        status=status,
        here="connections",
        draft=draft,
        step=here,
        steps=[(key, label, _href(draft, key), _done(draft, key, here)) for key, label in STEPS.items()],
        report=report,
        fields=fields,
        problems=listed,
        kept=said,
        plan=plan,
        file_name=_file(draft, here),
        file_text=draft.files.get(_file(draft, here), ""),
        has_file=bool(_file(draft, "connector")),
        kind=auth_kind(draft.name, draft.files.get(PART, "")),
        webhook=value_at(draft.files.get(PART, ""), ("connections", draft.name, "webhook", "secret")) or "",
        records=await records_form(asked, draft, report) if here == "records" else None,
        **around,
    )


async def _fields(asked: Asked, draft: Draft, here: str, report: ConnectorReport | None) -> list[Field]:
    text = draft.files.get(PART, "")
    if here == "settings":
        return settings_fields(draft.name, text, report)
    if here == "signin":
        kept = await drafts.kept_secrets(asked.desk.place, asked.who, draft)
        return auth_fields(draft.name, text, auth_kind(draft.name, text), kept)
    return []


def _done(draft: Draft, key: str, here: str) -> bool:
    """Steps before the one where its maker is, or was last; a test counts when it passed."""
    if key == "test":
        return draft.tested.passed
    if key in ("review", "shadow", "live"):
        return bool(draft.placed) and ORDER.index(key) < max(ORDER.index(draft.step), ORDER.index("shadow"))
    return ORDER.index(key) < max(ORDER.index(draft.step), ORDER.index(here))


async def _plan(asked: Asked, draft: Draft) -> tuple[Plan | None, list[Problem]]:
    try:
        return await plan_files(asked.desk.place, asked.who, draft.handed), []
    except ConfigurationInvalid as error:
        return None, error.found


def _concerns(draft: Draft, problem: Problem, here: str) -> bool:
    """Whether it belongs to this step or to one before: what comes later may still be lacking."""
    ((keys, _),) = places_of(draft.files.get(PART, ""), [problem])
    if problem.file.startswith("connectors/"):
        step = "connector"
    elif keys[:1] == ("connections",):
        step = "signin" if len(keys) > 2 and keys[2] in ("auth", "webhook") else "settings"
    else:
        step = "records"
    return ORDER.index(step) <= ORDER.index(here)


def _file(draft: Draft, here: str) -> str:
    own = next((name for name in draft.files if name.startswith("connectors/")), "")
    return own if here == "connector" else PART


def _report_of(asked: Asked, draft: Draft) -> ConnectorReport | None:
    connector = value_at(draft.files.get(PART, ""), ("connections", draft.name, "connector"))
    return _report(asked, str(connector or ""), draft.files)


def _report(asked: Asked, connector: str, files: Mapping[str, str]) -> ConnectorReport | None:
    """What the connector says of itself; None: it cannot be read, which the plan tells."""
    own = files.get(f"connectors/{connector}.yaml")
    if own is not None:
        try:
            return validate_connector(asked.desk.place, asked.who, own)
        except ConnectorInvalid:
            return None
    config = asked.desk.place.config.file
    if connector in connector_files.names(config):
        return installed(str(config.parent / "connectors" / f"{connector}.yaml"))
    return installed(connector) if connector in registry.names() else None


async def _draft(asked: Asked) -> Draft:
    here = asked.request.match_info["step"]
    found = await drafts.get_draft(asked.desk.place, asked.who, asked.request.match_info["draft"])
    if found is None or here not in STEPS:
        raise Unseen("There is no such draft: it is in place, or somebody gave it up.")
    if here == "connector" and not _file(found, here):
        raise Unseen("This connection uses a connector that is installed; there is no file of your own.")
    return found


def _href(draft: Draft, key: str) -> str:
    return path("register", draft.id, key)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")
