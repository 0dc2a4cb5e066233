"""The engine does what the file says, and an answer means what the file says of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import orjson
import pytest

from connectors.contract.errors import (
    Conflict,
    CredentialsError,
    DeliveryError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.contract.fields import FieldInfo, TellsFields
from connectors.contract.values import ItemDraft, Ref, Step, VersionKind, Write, WriteKind
from tests.unit.connectors.declared.support import engine, file_of

FIND = {"get": "/tickets", "query": {"ref": "${marker}"}, "pick": "$.items[*]"}
REF = Ref(object="ticket", id="7", key="T-7")
CREATE = ("ticket.writes", {"create": {"post": "/tickets", "returns": {"id": "$.id", "key": "$.no"}, "once": "marker"}})
UPDATE = ("ticket.writes", {"update": {"put": "/tickets/${id}", "once": "target_state"}})


def write(kind: WriteKind, **more: Any) -> Write:
    target = None if kind is WriteKind.CREATE else REF
    return Write(kind=kind, object="ticket", operation="op-1", correlation="c-1", ref=target, **more)


def sent(request: httpx.Request) -> Any:
    return orjson.loads(request.content)


async def test_a_create_puts_the_marker_where_it_is_looked_for() -> None:
    seen: list[httpx.Request] = []
    marker = ("ticket.marker", {"at": "$.meta.ref", "as": "lockstep-${correlation}", "find": FIND})
    connector = engine(lambda request: {"id": 7, "no": "T-7"}, CREATE, marker, seen=seen)
    values = {"title": "x", "meta": {"team": "a"}}
    receipt = await connector.apply(write(WriteKind.CREATE, values=values))
    assert sent(seen[0]) == {"title": "x", "meta": {"team": "a", "ref": "lockstep-c-1"}}
    assert (receipt.ref, receipt.version, receipt.snapshot) == (REF, None, None)


async def test_a_label_is_one_of_a_list_and_stays_on_when_the_list_is_written() -> None:
    seen: list[httpx.Request] = []
    marker = ("ticket.marker", {"at": "$.labels", "kind": "label", "as": "lockstep-${correlation}", "find": FIND})
    writes = ("ticket.writes", CREATE[1] | UPDATE[1])
    rows = [{"id": 7, "labels": ["lockstep-c-1", "b"]}, {"id": 8, "labels": ["lockstep-c-11"]}, {"id": 9, "labels": []}]
    connector = engine(lambda r: {"items": rows} if "ref" in r.url.params else rows[0], writes, marker, seen=seen)
    await connector.apply(write(WriteKind.CREATE, values={"labels": ["b"]}))
    await connector.apply(write(WriteKind.UPDATE, values={"labels": ["c"]}))
    await connector.apply(write(WriteKind.UPDATE, values={"title": "x"}))
    assert [sent(each).get("labels") for each in seen] == [["b", "lockstep-c-1"], ["c", "lockstep-c-1"], None]
    assert [each.id for each in await connector.find("ticket", "c-1")] == ["7"], "only exactly this label counts"
    snapshot = await connector.read(REF)
    assert (snapshot.correlation, snapshot.raw["labels"]) == ("c-1", ["b"]), "mappings do not see the marker"


async def test_added_and_dropped_values() -> None:
    seen: list[httpx.Request] = []
    create = {"post": "/t", "add": {"type": "incident", "queue": "${queue}"}, "drop": ["secret"]}
    writes = ("ticket.writes", {"create": {**create, "returns": {"id": "$.id"}, "once": "none"}})
    needs = ("ticket.needs", {"queue": {"doc": "Where it lands."}})
    connector = engine(lambda request: {"id": 1}, writes, needs, seen=seen, objects={"ticket": {"queue": "net"}})
    await connector.apply(write(WriteKind.CREATE, values={"title": "x", "type": "task", "secret": 1}))
    assert sent(seen[0]) == {"title": "x", "type": "task", "queue": "net"}


async def test_a_key_belongs_to_the_record_and_not_to_the_attempt() -> None:
    seen: list[httpx.Request] = []
    once = {"by": "header_key", "kept": "24h"}
    writes = ("ticket.writes", {"create": {"post": "/t", "returns": {"id": "$.id"}, "once": once}})
    connector = engine(lambda request: {"id": 1}, writes, seen=seen)
    for _ in range(2):
        await connector.apply(write(WriteKind.CREATE))
    assert [each.headers["idempotency-key"] for each in seen] == ["c-1", "c-1"]
    spec = connector.specs["ticket"]
    assert (spec.key_s, spec.marker) == (86400.0, False)


async def test_a_conditional_write_without_a_version_is_not_sent() -> None:
    seen: list[httpx.Request] = []
    conditional = {"patch": "/t/${id}", "headers": {"If-Match": '"${version}"'}, "once": "precondition"}
    connector = engine(lambda request: {}, ("ticket.writes", {"update": conditional}), seen=seen)
    with pytest.raises(Refused, match="version"):
        await connector.apply(write(WriteKind.UPDATE, values={"title": "x"}))
    await connector.apply(write(WriteKind.UPDATE, values={"title": "x"}, etag="3"))
    assert [each.headers["if-match"] for each in seen] == ['"3"']
    assert connector.specs["ticket"].conditional


async def test_comments_carry_attribution_and_marker_and_are_known_again() -> None:
    said: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> Any:
        if request.method == "POST":
            said.append({"id": len(said) + 1, **sent(request), "who": {"name": "Bot"}, "at": 1795262400})
            return said[-1]
        return (
            {"notes": [*said, {"id": 9, "text": "by hand", "system": True}]}
            if "notes" in request.url.path
            else {"id": 7}
        )

    comments = {
        "get": "/t/${id}/notes",
        "pick": "$.notes[*]",
        "text": "$.text",
        "author": "$.who.name",
        "at": {"at": "$.at", "as": "epoch_s"},
        "internal": "$.hidden",
        "skip": "has(row.system) && row.system",
    }
    comment = {"post": "/t/${id}/notes", "body": {"text": "${comment.text}", "hidden": "${comment.internal}"}}
    connector = engine(
        answer,
        ("ticket.comments", comments),
        ("ticket.writes", {"comment": {**comment, "returns": {"id": "$.id"}}}),
    )
    draft = ItemDraft(kind="work_note", body="hello", author="Bob", at=0.0, origin="jira:4", origin_label="Jira")
    receipt = await connector.apply(write(WriteKind.ITEM, item=draft))
    assert (receipt.item_id, said[0]["hidden"]) == ("1", True)
    items = (await connector.read(REF, items=True)).items or ()
    assert [(i.id, i.kind, i.body, i.author, i.at, i.origin) for i in items] == [
        ("1", "work_note", "hello", "Bot", 1795262400.0, "jira:4")
    ]


async def test_moves_are_listed_or_asked_for() -> None:
    move = {"transition": {"post": "/t/${id}/moves", "body": {"to": "${step.id}"}}}
    fixed = engine(
        lambda request: {"id": 7, "state": "open"},
        ("ticket.moves", {"to": ["open", "done"], "field": "$.state"}),
        ("ticket.writes", move),
    )
    assert [each.to for each in await fixed.steps(REF)] == ["done"], "a move leads away from where it is"
    seen: list[httpx.Request] = []
    ask = {"ask": {"get": "/t/${id}/moves", "pick": "$[*]"}, "id": "$.no", "leads_to": "$.state.name"}
    asked = engine(
        lambda r: [{"no": 4, "state": {"name": "Done"}}], ("ticket.moves", ask), ("ticket.writes", move), seen=seen
    )
    steps = await asked.steps(REF)
    assert steps == [Step(id="4", to="Done")]
    await asked.apply(write(WriteKind.STEP, step=steps[0]))
    assert (seen[-1].url.path, sent(seen[-1])) == ("/t/7/moves", {"to": "4"})


async def test_what_the_file_does_not_describe_is_refused() -> None:
    connector = engine(lambda request: {})
    for kind in (WriteKind.CREATE, WriteKind.UPDATE, WriteKind.STEP, WriteKind.DELETE):
        with pytest.raises(Refused, match="no way to"):
            await connector.apply(write(kind))
    with pytest.raises(Refused, match="finding a ticket by title"):
        await connector.find_by("ticket", {"title": "x"})
    with pytest.raises(Refused, match="no object"):
        await connector.read(Ref(object="user", id="1"))


async def test_natural_keys_are_compared_exactly() -> None:
    rows = [{"id": 1, "title": "mail"}, {"id": 2, "title": "mail is down"}]
    seen: list[httpx.Request] = []
    connector = engine(lambda request: {"items": rows}, ("ticket.find_by", {"title": "q"}), seen=seen)
    assert [each.id for each in await connector.find_by("ticket", {"title": "mail"})] == ["1"]
    assert seen[0].url.params["q"] == "mail"


async def test_absence_is_believed_only_while_the_sign_in_is() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(alive if request.url.path == "/me" else 404, json={})

    alive = 200
    assert (await engine(answer).read(REF)).exists is False
    alive = 403
    with pytest.raises(CredentialsError):
        await engine(answer).read(REF)
    with pytest.raises(CredentialsError):
        await engine(
            lambda r: httpx.Response(403) if r.url.path == "/me" else {"items": []},
            ("ticket.marker", {"at": "$.ref", "find": FIND}),
        ).find("ticket", "c-1")


RULES = (
    "errors",
    [
        {"when": "status == 403 && body.reason == 'quota'", "do": "wait", "say": "$.reason"},
        {"when": "status == 422", "do": "reject", "say": "$.errors[*].text", "fields": "$.fields"},
        {"when": "status == 200 && has(body.ok) && body.ok == false", "do": "reject", "say": "$.why"},
        {"when": "status == 418", "do": "again"},
        {"when": "status == 404", "do": "conflict"},
        {"when": "status == 400", "do": "renew_auth_once"},
        {"when": "status == 409", "do": "unknown"},
        {"when": "header['x-locked'] == 'yes'", "do": "again"},
    ],
)
ANSWERS: list[tuple[httpx.Response, type[DeliveryError]]] = [
    (httpx.Response(403, json={"reason": "quota"}, headers={"retry-after": "7"}), Throttled),
    (httpx.Response(403, json={"reason": "no right"}), Refused),
    (httpx.Response(403, text="<html>"), Refused),
    (httpx.Response(422, json={"errors": [{"text": "too long"}], "fields": {"title": "too long"}}), Refused),
    (httpx.Response(200, json={"ok": False, "why": "closed"}), Refused),
    (httpx.Response(418, json={}), Retryable),
    (httpx.Response(404, json={}), Conflict),
    (httpx.Response(400, json={}), CredentialsError),
    (httpx.Response(409, json={}), OutcomeUnknown),
    (httpx.Response(406, json={}, headers={"x-locked": "yes"}), Retryable),
    # What no rule names: 4xx had no effect, everything else may have had one.
    (httpx.Response(406, json={}), Refused),
    (httpx.Response(401, json={}), CredentialsError),
    (httpx.Response(429, json={}), Throttled),
    (httpx.Response(412, json={}), Conflict),
    (httpx.Response(301, headers={"location": "/x"}), OutcomeUnknown),
    (httpx.Response(302, headers={"location": "/x"}), OutcomeUnknown),
    (httpx.Response(307, headers={"location": "/x"}), Refused),
    (httpx.Response(500, json={}), OutcomeUnknown),
    (httpx.Response(503, json={}), OutcomeUnknown),
    (httpx.Response(200, text="<html>"), OutcomeUnknown),
    (httpx.Response(200, text='{"id": '), OutcomeUnknown),
]


@pytest.mark.parametrize(("answer", "error"), ANSWERS, ids=lambda each: str(getattr(each, "status_code", "")))
async def test_what_an_answer_to_a_write_means(answer: httpx.Response, error: type[DeliveryError]) -> None:
    with pytest.raises(error) as got:
        await engine(lambda request: answer, RULES, UPDATE).apply(write(WriteKind.UPDATE, values={"title": "x"}))
    if isinstance(got.value, Throttled) and answer.status_code == 403:
        assert got.value.retry_after_s == 7.0
    if answer.status_code == 422:
        assert isinstance(got.value, Refused)
        assert got.value.fields == {"title": "too long"}
        assert "too long" in str(got.value)


@pytest.mark.parametrize(
    "rule", [{"when": "answered && status != 5", "do": "reject"}, {"when": "sent", "do": "unknown"}]
)
async def test_no_rule_makes_an_unanswered_write_certain(rule: dict[str, str]) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    with pytest.raises(OutcomeUnknown):
        await engine(lost, ("errors", [rule]), UPDATE).apply(write(WriteKind.UPDATE))


async def test_what_is_sensitive_is_not_kept_as_evidence() -> None:
    body = {"owner": {"mail": "ann@example.com"}, "files": [{"content": "c2VjcmV0"}], "why": "too long"}
    sensitive = ("sensitive", {"personal": ["$.owner.mail"], "never_log": ["$.files[*].content"]})
    for text in (orjson.dumps(body).decode(), "<p>ann@example.com c2VjcmV0</p>"):
        connector = engine(partial(_refusing, text), sensitive, UPDATE)
        with pytest.raises(Refused) as refused:
            await connector.apply(write(WriteKind.UPDATE))
        kept = str(refused.value.evidence)
        assert "ann@example.com" not in kept
        assert "c2VjcmV0" not in kept
        assert "t-secret" not in kept


def _refusing(text: str, _: httpx.Request) -> httpx.Response:
    return httpx.Response(422, text=text)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ([], VersionKind.COUNTER),
        ([("ticket.version", "$.rev")], VersionKind.ORDERED),
        ([("ticket.version", None)], VersionKind.TIMESTAMP),
        ([("ticket.version", None), ("ticket.updated", None)], VersionKind.NONE),
    ],
)
def test_what_the_core_may_conclude_from_versions(changes: list[Any], kind: VersionKind) -> None:
    assert engine(lambda request: {}, *changes).specs["ticket"].version_kind is kind


async def test_forms_and_xml_go_over_the_wire() -> None:
    seen: list[httpx.Request] = []
    await engine(lambda r: {}, ("http", {"body": "form"}), UPDATE, seen=seen).apply(
        write(WriteKind.UPDATE, values={"a": "b c"})
    )
    assert (seen[0].content, seen[0].headers["content-type"]) == (b"a=b%20c", "application/x-www-form-urlencoded")
    writes = ("ticket.writes", {"update": {"put": "/t/${id}", "body": {"ticket": "${values}"}, "once": "target_state"}})
    xml = ("http", {"body": "xml", "answers": "xml"})
    rows = ("ticket.one", {"get": "/tickets/${id}", "pick": "$.ticket"})
    connector = engine(
        lambda r: httpx.Response(200, content=b"<ticket><id>7</id><rev>2</rev></ticket>"), xml, writes, rows, seen=seen
    )
    await connector.apply(write(WriteKind.UPDATE, values={"title": "a<b"}))
    assert seen[1].content.endswith(b"<ticket><title>a&lt;b</title></ticket>")
    assert (await connector.read(REF)).version == 2


async def test_check_tells_what_failed_and_does_not_raise() -> None:
    proofs = [
        {"proves": "sign-in", "get": "/me"},
        {"proves": "write", "get": "/rights", "pass": "'write' in body.rights"},
        {"proves": "read", "get": "/gone"},
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        status = 500 if request.url.path == "/gone" else 200
        return httpx.Response(status, json={"rights": ["read"]})

    found = await engine(answer, ("check", proofs)).check()
    assert [(each.proves, each.ok) for each in found] == [("sign-in", True), ("write", False), ("read", False)]
    assert "'write' in body.rights" in found[1].detail


def test_the_settling_time_is_the_connections_the_records_or_the_files() -> None:
    longer = ("ticket.settles_within", "5m")
    assert engine(lambda r: {}).specs["ticket"].settles_s == 120.0
    assert engine(lambda r: {}, longer).specs["ticket"].settles_s == 300.0
    assert engine(lambda r: {}, longer, settles_s=1.0).specs["ticket"].settles_s == 1.0
    assert file_of(longer).http.settles_within == 120.0


async def test_the_system_tells_its_fields_and_options() -> None:
    said = {
        "fields": [{"key": "state", "type": "choice", "must": True, "of": [{"id": "open"}, {"id": 3}]}, {"type": "x"}]
    }
    told = {"get": "/schema", "pick": "$.fields[*]", "name": "$.key", "kind": "$.type", "options": "$.of[*].id"}
    connector = engine(lambda request: said, ("ticket.fields", {**told, "required": "$.must"}))
    assert isinstance(connector, TellsFields)
    assert await connector.fields("ticket") == [
        FieldInfo(name="state", kind="choice", options=("open", "3"), required=True)
    ]
    assert await engine(lambda request: said).fields("ticket") == []
