"""A connector for the help desk that breaks no rule, and its fixtures. The broken ones are this one with one thing
wrong.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec
import orjson

from connectors.comments import dress, undress
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import MalformedError, Refused, SignatureError
from connectors.contract.fixture import Canned, Fixture, Held
from connectors.contract.values import (
    Change,
    ChangeKind,
    Finding,
    HistoryEntry,
    IdPage,
    Item,
    Listed,
    ObjectSpec,
    Page,
    Receipt,
    Received,
    Ref,
    Snapshot,
    Step,
    VersionKind,
    Webhook,
    Write,
    WriteKind,
)
from connectors.rest import Answer, RestClient
from connectors.rest.answer import Call
from connectors.rest.classify import Sign
from connectors.rest.plain import PlainApi
from connectors.rest.prove import prove
from tests.conformance.desk import GRAIN_S, MOVES, signed

US = "lockstep"
SKEW_S = 300
OVERLAP_S = 5.0
DEAD, CANCELLED = "x-desk-session", "cancelled"


def vendor_sign(call: Call, answer: Answer) -> Sign | None:
    """A dead session is told in a header, cancelled work in a field; both under a 200. A write that succeeded under a
    dead session did succeed.
    """
    if answer.headers.get(DEAD) == "dead" and not (call.write and 200 <= answer.status < 300):
        return Sign.NOT_SIGNED_IN
    cancelled = isinstance(answer.data, Mapping) and CANCELLED in answer.data
    return Sign.BROKEN_OFF if cancelled else None


def a_thing(data: Any) -> str:
    return "" if isinstance(data, Mapping) and data.get("id") else "no `id`"


def a_list(data: Any) -> str:
    return "" if isinstance(data, Mapping) and isinstance(data.get("items"), list) else "no `items`"


class Sound:
    """Implements `Connector` and `ListsIds` for the drawers ticket, paper and fax."""

    def __init__(
        self, settings: ConnectionSettings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.settings, self.clock = settings, clock
        self.client = RestClient(settings, clock=clock, transport=transport, vendor=vendor_sign)
        self.limit = int(settings.options.get("page_size", 50))

    @property
    def specs(self) -> Mapping[str, ObjectSpec]:
        given: dict[str, Any] = {"version_kind": VersionKind.COUNTER, "granularity_s": GRAIN_S}
        given["settles_s"] = self.settings.settles_s or 60.0
        return {
            "ticket": ObjectSpec(name="ticket", history=True, items=True, **given),
            "paper": ObjectSpec(name="paper", conditional=True, key_s=3600.0, **given),
            "fax": ObjectSpec(name="fax", marker=False, readable=False, **given),
        }

    async def check(self) -> Sequence[Finding]:
        async def sign_in() -> str:
            return f"signed in as {(await self.client.read('/me')).data['name']}"

        return [await prove("sign-in", sign_in, self.clock)]

    async def changes(self, cursor: Mapping[str, Any] | None) -> Page:
        await self.client.read("/me")
        first: dict[str, Any] = {"since": self.clock.now() - OVERLAP_S, "after": "", "seen": {}}
        stands = dict(cursor) if cursor else first
        answer = await self.page(stands)
        rows = answer.data["items"]
        fresh = [row for row in rows if stands["seen"].get(row["id"]) != row["rev"]]
        seen = stands["seen"] | {row["id"]: row["rev"] for row in rows}
        newest = max([stands.get("newest", 0.0), *(row["changed"] for row in rows)])
        stands |= {"after": answer.data["next"], "seen": seen, "newest": newest}
        if not stands["after"]:
            stands["since"] = max(stands["since"], newest - OVERLAP_S)
        told = tuple(self.change(row) for row in fresh)
        return Page(changes=told, cursor=stands, more=bool(stands["after"]))

    async def page(self, stands: Mapping[str, Any]) -> Answer:
        """One page of the poll."""
        asked = {"since": str(stands["since"]), "after": stands["after"], "limit": self.limit}
        return await self.client.read(f"/{next(iter(self.settings.objects))}", asked, sound=a_list)

    def change(self, row: Mapping[str, Any], key: str = "", via: str = "poll") -> Change:
        return Change(
            connection=self.settings.name,
            delivery_key=key or f"{row['drawer']}:{row['id']}:{row['rev']}:snapshot",
            kind=ChangeKind.SNAPSHOT,
            snapshot=self.snapshot(row),
            received_at=self.clock.now(),
            via=via,
        )

    def snapshot(self, row: Mapping[str, Any]) -> Snapshot:
        return Snapshot(
            object=row["drawer"],
            id=row["id"],
            version=row["rev"],
            etag=str(row["rev"]),
            updated_at=row["changed"],
            raw={"text": row["text"], "state": row["state"]},
            correlation=row["ref"] or None,
        )

    async def ids(self, object: str, cursor: Mapping[str, Any] | None) -> IdPage:
        asked = {"by": "id", "after": cursor["after"] if cursor else "", "limit": self.limit}
        data = (await self.client.read(f"/{object}", asked, sound=a_list)).data
        listed = tuple(Listed(id=row["id"]) for row in data["items"])
        return IdPage(listed=listed, cursor={"after": data["next"]} if data["next"] else None)

    def receive(self, webhook: Webhook) -> Received:
        self.verify(webhook)
        try:
            said = orjson.loads(webhook.body)
        except orjson.JSONDecodeError as error:
            raise MalformedError("not JSON", code="not_json") from error
        if not isinstance(said, dict) or not isinstance(said.get("thing"), dict):
            raise MalformedError("no `thing`", code="no_thing")
        return Received(changes=(self.change(said["thing"], f"hook:{said['id']}", "webhook"),))

    def verify(self, webhook: Webhook) -> None:
        secret = self.settings.webhook_secret
        stamp, given = (webhook.headers.get(name, "") for name in ("x-desk-time", "x-desk-signature"))
        if not secret or not stamp.isdecimal() or not given.isascii():
            raise SignatureError("no signature, or no secret to check it by", code="missing_signature")
        due = signed(webhook.body, secret, float(stamp))["x-desk-signature"]
        if not hmac.compare_digest(given, due):
            raise SignatureError("the signature does not fit", code="bad_signature")
        if self.late(float(stamp), webhook.received_at):
            raise SignatureError("signed too long ago", code="stale_signature")

    def late(self, signed_at: float, received_at: float) -> bool:
        return abs(signed_at - received_at) > SKEW_S

    async def read(self, ref: Ref, *, items: bool = False) -> Snapshot:
        answer = await self.client.read(f"/{ref.object}/{ref.id}", sound=a_thing, tolerate={404})
        if answer.status == 404:
            return Snapshot(object=ref.object, id=ref.id, exists=False)
        found = self.snapshot(answer.data)
        return msgspec.structs.replace(found, items=await self.notes(ref)) if items else found

    async def notes(self, ref: Ref) -> tuple[Item, ...]:
        rows = (await self.client.read(f"/{ref.object}/{ref.id}/notes", sound=a_list)).data["items"]
        said = [(row, undress(row["text"])) for row in rows]
        return tuple(Item(id=row["id"], body=each.body, author=row["by"], origin=each.origin) for row, each in said)

    async def find(self, object: str, correlation: str) -> Sequence[Ref]:
        rows = (await self.client.read(f"/{object}", {"ref": correlation}, sound=a_list)).data["items"]
        return [Ref(object=object, id=row["id"]) for row in rows if row["ref"] == correlation]

    async def find_by(self, object: str, fragment: Mapping[str, Any]) -> Sequence[Ref]:
        rows = (await self.client.read(f"/{object}", sound=a_list)).data["items"]
        return [Ref(object=object, id=row["id"]) for row in rows if row["text"] == fragment["text"]]

    async def history(self, ref: Ref, since: float) -> Sequence[HistoryEntry]:
        rows = (await self.client.read(f"/{ref.object}/{ref.id}/history", sound=a_list)).data["items"]
        return [
            HistoryEntry(
                id=row["id"],
                at=row["at"],
                actor=row["by"],
                by_us=self.ours(row["by"]),
                before={name: pair[0] for name, pair in row["fields"].items()},
                after={name: pair[1] for name, pair in row["fields"].items()},
            )
            for row in rows
            if row["at"] >= since
        ]

    def ours(self, user: str) -> bool:
        return user == US

    async def steps(self, ref: Ref) -> Sequence[Step]:
        row = (await self.client.read(f"/{ref.object}/{ref.id}", sound=a_thing)).data
        return [Step(id=to, to=to) for to in MOVES[row["state"]]]

    async def apply(self, write: Write) -> Receipt:
        method, path, body = self.request(write)
        answer = await self.client.write(
            method,
            path,
            body,
            sound=None if write.kind is WriteKind.DELETE else a_thing,
            timeout_s=write.timeout_s,
            operation=write.operation,
            etag=self.etag(write),
        )
        id = write.ref.id if write.ref else answer.data["id"]
        return Receipt(ref=Ref(object=write.object, id=id))

    def etag(self, write: Write) -> str | None:
        return write.etag if write.kind is WriteKind.UPDATE else None

    def request(self, write: Write) -> tuple[str, str, Any]:
        """Method, path and body of the one request that may have an effect."""
        if write.kind is WriteKind.CREATE:
            marks = {"ref": write.correlation, "key": write.correlation}
            return "POST", f"/{write.object}", {"text": write.values["text"], **marks}
        if write.ref is None:
            raise Refused(f"a write of kind {write.kind} needs an object")
        path = f"/{write.object}/{write.ref.id}"
        if write.item is not None:
            return "POST", f"{path}/notes", {"text": dress(write.item)}
        if write.step is not None:
            return "POST", f"{path}/moves", {"to": write.step.to}
        if write.kind is WriteKind.DELETE:
            return "DELETE", path, None
        return "PATCH", path, {"text": write.values["text"]}

    async def close(self) -> None:
        await self.client.close()


class Person:
    """Implements `Hand` for one drawer."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._api, self._drawer = PlainApi(settings), next(iter(settings.objects))

    async def create(self, text: str) -> str:
        return str((await self._api.ask("POST", f"/{self._drawer}", {"text": text}))["id"])

    async def edit(self, id: str, text: str) -> None:
        await self._api.ask("PATCH", f"/{self._drawer}/{id}", {"text": text})

    async def comment(self, id: str, body: str) -> None:
        await self._api.ask("POST", f"/{self._drawer}/{id}/notes", {"text": body})

    async def delete(self, id: str) -> None:
        await self._api.ask("DELETE", f"/{self._drawer}/{id}")

    async def held(self, id: str) -> Held | None:
        found = await self._api.ask("GET", f"/{self._drawer}/{id}", absent=(404,))
        if found is None:
            return None
        notes = (await self._api.ask("GET", f"/{self._drawer}/{id}/notes"))["items"]
        return Held(id=id, text=found["text"], state=found["state"], comments=tuple(each["text"] for each in notes))

    async def search(self, text: str) -> Sequence[str]:
        rows = (await self._api.ask("GET", f"/{self._drawer}?limit=100000"))["items"]
        return [row["id"] for row in rows if row["text"] == text]

    async def close(self) -> None:
        await self._api.close()


def fixture(drawer: str, *actions: str, hooks: bool = False) -> Fixture:
    """How one drawer is tested."""

    def settings(url: str, person: str) -> ConnectionSettings:
        auth = {"basic": {"user": person, "password": f"{person}-secret"}}
        return ConnectionSettings(name="desk", connector="desk", url=url, auth=auth, objects={drawer: {}})

    return Fixture(
        object=drawer,
        system="desk",
        actions=actions,
        sandbox=settings,
        fragment=lambda text: {"text": text},
        text=lambda raw: str(raw["text"]),
        hand=Person,
        state=lambda raw: str(raw.get("state", "")),
        absent="7",
        dead=(
            Canned(name="header", status=200, headers={DEAD: "dead"}, goes_on=True),
            Canned(name="404", status=404, headers={DEAD: "dead"}, body=b"{}"),
        ),
        cut_off=(Canned(name="cancelled", status=200, body=b'{"id": "1", "items": [], "cancelled": true}'),),
        sign=signed if hooks else None,
        signs_time=True,
    )


TICKET = fixture("ticket", "create", "update", "step", "comment", "delete", hooks=True)
PAPER = fixture("paper", "create", "update")
FAX = fixture("fax", "create")
