"""The engine for a file with `access:`: the same connection, which can also say what a person has and take it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.contract.access import Account, Ending, GrantKind, Holdings, Whom, objection
from connectors.contract.errors import Conflict, Refused
from connectors.declared.access import Holder, id_of, of_account
from connectors.declared.asking import left
from connectors.declared.connector import Declared
from connectors.declared.deciding import computed, decided
from connectors.declared.formats import wire
from connectors.declared.judging import variables
from connectors.declared.looking import one
from connectors.declared.model.access import Access, End, Having, Still
from connectors.declared.model.writes import Changing
from connectors.declared.slots import fill_body
from connectors.rest import Answer

FORM = "application/x-www-form-urlencoded"


class Ends(Declared):
    """Implements `connectors.contract.access.EndsAccess` beside `Connector`. Only for a file with `access:`."""

    @property
    def ends(self) -> Mapping[GrantKind, str]:
        """See `EndsAccess`."""
        told: dict[GrantKind, list[Having]] = {}
        for having in self._holder.has.values():
            told.setdefault(GrantKind(having.kind), []).append(having)
        return {kind: _reason(parts) for kind, parts in told.items()}

    async def accounts(self, whom: Whom) -> Sequence[Account]:
        """See `EndsAccess`."""
        found = await self._holder.found(whom)
        await self._signed_in()  # what was not found is believed only then
        return found

    async def holdings(self, account: str) -> Holdings:
        """See `EndsAccess`."""
        found = await self._holder.holdings(account)
        await self._signed_in()  # a part that was not there is believed only then
        return found

    async def end(self, ending: Ending) -> None:
        """See `EndsAccess`."""
        if why := objection(self.ends, ending):
            raise Refused(why)
        name, having, id = self._having(ending)
        if having.end is None:
            raise Refused(f"{name}: {having.reason}")
        if ending.to is None and having.end.wants_heir:
            raise Refused(f"{ending.grant.name} cannot be left without an owner there; name somebody who takes it over")
        ends = self._clock.monotonic() + ending.timeout_s
        values = self._said(ending, id)
        row = await self._row(having, having.end, ending, values, ends)
        if row is not None:
            values |= {"row": row, "computed": _computed(having.end, values | {"row": row})}
            await self._taken(having.end, ending, values, ends)

    def kind_of(self, name: str) -> GrantKind:
        """Of what sort of grant a name under `access.has` is."""
        return GrantKind(self._access.has[name].kind)

    # What the verbs are made of.

    @property
    def _access(self) -> Access:
        assert self._file.access is not None, "made only for a file with `access:`"
        return self._file.access

    @property
    def _holder(self) -> Holder:
        return Holder(self._ask, self._access, self._own)

    def _having(self, ending: Ending) -> tuple[str, Having, str]:
        """The sort of thing it is, and its id there."""
        has = {name: each for name, each in self._holder.has.items() if each.kind == ending.grant.kind}
        name, _, id = ending.grant.id.partition(":")
        if ending.grant.kind is GrantKind.ACCOUNT and has:
            name, id = next(iter(has)), ending.grant.id
        if name not in has:
            raise Refused(f"the connector file says nothing of ending {ending.grant.kind} {ending.grant.id}")
        return name, has[name], id

    def _said(self, ending: Ending, id: str) -> dict[str, Any]:
        values = self._holder.values(ending.account) | {
            "grant": {"id": id, "name": ending.grant.name},
            "detail": dict(ending.grant.detail),
            "note": ending.note,
            "operation": ending.operation,
            "setting": dict(self._own),
        }
        return values if ending.to is None else values | {"to": of_account(ending.to)}

    async def _row(
        self, having: Having, end: End, ending: Ending, values: dict[str, Any], ends: float
    ) -> Mapping[str, Any] | None:
        """The object as it is now; None: it is not the person's any more, and is left alone."""
        if end.still is None:
            return {}
        if isinstance(end.still, Still):
            return await self._read_again(end.still, ending, values, ends)
        rows = await self._holder.rows(having, ending.account)
        return next((row for row in rows if id_of(having, row) == values["grant"]["id"]), None)

    async def _read_again(
        self, still: Still, ending: Ending, values: dict[str, Any], ends: float
    ) -> Mapping[str, Any] | None:
        answer = await self._ask.ask(still, values, tolerate=still.absent, timeout_s=left(ends, self._clock))
        row = None if answer.status in still.absent else one(still.pick)(answer.data)
        if not isinstance(row, Mapping):
            return None
        said = {name: values[name] for name in ("grant", "detail")} | self._holder.said(ending.account)
        return row if decided(still.holds, said | {"row": row}) else None

    async def _taken(self, end: End, ending: Ending, values: dict[str, Any], ends: float) -> None:
        if end.first is not None and ending.to is not None:
            answer = await self._send(end.first, ending, values, ends)
            if not decided(end.first.shows, _shown(answer) | {"to": values["to"]}):
                raise Refused(f"{ending.grant.name} was not taken over by {ending.to.name}, and stays as it is")
        try:
            await self._send(end, ending, values, ends, form=end.form)
        except (Refused, Conflict) as error:
            if error.status not in end.gone:
                raise

    async def _send(
        self,
        changing: Changing,
        ending: Ending,
        values: dict[str, Any],
        ends: float,
        *,
        form: bool = False,
    ) -> Answer:
        if changing.before:
            before = await self._ask.before(changing.before, values, ends=ends, clock=self._clock)
            values = values | {"before": before}
        headers = self._ask.headers({**({"Content-Type": FORM} if form else {}), **changing.headers}, values)
        return await self._client.write(
            changing.method,
            self._ask.path(changing.address, changing.query, values, from_root=changing.from_root),
            None if changing.body is None else fill_body(changing.body, values),
            headers=headers,
            empty_ok=True,
            timeout_s=left(ends, self._clock),
            operation=ending.operation,
            traceparent=ending.traceparent,
            wire=wire("form", self._file.http.answers) if form else None,
        )


def _computed(end: End, values: Mapping[str, Any]) -> dict[str, Any]:
    said = {"row": values["row"], "account": values["account"], "to": values.get("to"), "setting": values["setting"]}
    return {name: computed(text, said) for name, text in end.compute.items()}


def _reason(parts: Sequence[Having]) -> str:
    """Why a person has to; "" where any of a kind is ended by request: what of it is not shown is named by itself."""
    if any(having.end is not None for having in parts):
        return ""
    return "; ".join(dict.fromkeys(having.reason for having in parts))


def _shown(answer: Answer) -> dict[str, Any]:
    said = variables(answer)
    return {name: said[name] for name in ("status", "body")}
