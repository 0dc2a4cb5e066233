"""Credentials of a whole gateway, between stand-ins: rotated under load without a failed call, killed without a burnt
attempt, and going on by itself with a new one. On both databases.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.edges import SLOW_S, Said, Sites, lockstep
from tests.support.running import Running, started, write_config
from tests.support.waiting import until

OLD, NEW = "lockstep-secret", "second-secret"
RECORDS = 6
STORED = "{basic: {user: lockstep@example.com, password: 'secret:password'}}"


@dataclass
class Stage:
    """A gateway whose credential for one system is kept in its database."""

    run: Running
    both: Sites
    directory: Path
    rejections: list[str] = field(default_factory=list)
    """What its gate for that system heard of refused credentials."""
    edits: int = 0

    async def cli(self, *arguments: str, typed: str = "") -> Said:
        return await lockstep(*arguments, cwd=self.directory, typed=typed)

    async def accepts(self, *passwords: str) -> None:
        await self.option("jira", passwords={"lockstep": passwords})

    async def option(self, connection: str, **options: Any) -> None:
        url = f"{self.both.url(connection)}/_sandbox/options"
        async with self.both.http.patch(url, json=options) as answer:
            assert answer.status == 200, await answer.text()

    async def sql(self, query: str) -> list[Any]:
        async with self.run.gateway.database.read() as tx:
            return [tuple(row) for row in await tx.execute(text(query))]

    async def gate(self, connection: str, state: str) -> None:
        async def entered() -> bool:
            return bool((await self.run.now())["gates"][connection]["state"] == state)

        await until(entered, what=f"the gate of {connection} to be {state}", timeout_s=SLOW_S)

    async def edit(self, numbers: list[str]) -> str:
        """One edit of each incident; returns the last text."""
        self.edits += 1
        for at, number in enumerate(numbers):
            await self.both.incidents.summary("bob", number, f"text {self.edits} of {at}")
        return f"text {self.edits} of {len(numbers) - 1}"

    async def arrives(self, last: str) -> None:
        async def there() -> bool:
            return last in await self.both.texts("jira")

        await until(there, what=f"{last!r} in jira", timeout_s=SLOW_S)
        await self.run.quiet()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> str:
    """A line of the configuration."""
    return "" if request.param == "sqlite" else f"database: {request.getfixturevalue('postgres_url')}\n"


def configured(directory: Path, both: Sites, extra: str, **auths: str) -> tuple[Path, str]:
    """A configuration in which these connections sign in so."""
    if extra:
        key = "secrets: {key: 'file:master.key'}\n"
        (directory / "master.key").write_text("6b" * 32)
        extra += key
    file, url = write_config(directory, snow=both.snow.url, jira=both.jira.url, extra=extra)
    told = file.read_text()
    for connection, auth in auths.items():
        user = "lockstep@example.com" if connection == "jira" else "lockstep"
        usual = f"auth: {{basic: {{user: {user}, password: '${{PASSWORD}}'}}}}"
        assert usual in told
        told = told.replace(usual, f"auth: {auth}")
    file.write_text(told)
    return file, url


@asynccontextmanager
async def staged(directory: Path, both: Sites, extra: str) -> AsyncIterator[Stage]:
    file, url = configured(directory, both, extra, jira=STORED)
    async with started(file, url) as run:
        await both.tell(url)
        stage = Stage(run, both, directory)
        said = await stage.cli("secret", "set", "jira", "password", "--stdin", typed=OLD + "\n")
        assert (said.code, said.out) == (0, "password of jira is stored and in use\n"), said
        await stage.gate("jira", "closed")  # by the poll, which does not wait for its pause to be over
        gate, usual = run.gateway.keeper.gates["jira"], run.gateway.keeper.gates["jira"].rejected

        def rejected(reason: str) -> None:
            stage.rejections.append(reason)
            usual(reason)

        gate.rejected = rejected  # type: ignore[method-assign]
        yield stage


async def test_a_credential_is_rotated_under_load(tmp_path: Path, both: Sites, database: str) -> None:
    async with staged(tmp_path, both, database) as stage:
        numbers = [await both.incident(f"text 0 of {at}") for at in range(RECORDS)]
        await stage.arrives(f"text 0 of {RECORDS - 1}")
        end = asyncio.Event()

        async def busy() -> str:
            last = ""
            while not end.is_set():
                last = await stage.edit(numbers)
            return last

        editing = asyncio.create_task(busy())
        await stage.accepts(OLD, NEW)
        said = await stage.cli("connection", "rotate", "jira", "--stdin", "--overlap", "1h", typed=f"password={NEW}\n")
        assert said.code == 0, said
        assert said.out.startswith("jira signs in with the new credential; the one before is tried until ")
        before = stage.edits
        await until(lambda: beyond(stage, before + 2), what="more edits", timeout_s=SLOW_S)
        await stage.accepts(NEW)
        end.set()
        last = await editing
        await stage.arrives(await stage.edit(numbers))
        assert last, "there was a load"
        assert stage.rejections == [], "a call failed"
        refused = "SELECT outcome, answer FROM attempt WHERE answer LIKE '%401%' OR answer LIKE '%credential%'"
        assert await stage.sql(refused) == []
        assert await stage.sql("SELECT max(tries) FROM lane") == [(0,)]
        said = await stage.cli("secret", "list")
        assert (said.code, OLD in said.out + said.err, NEW in said.out + said.err) == (0, False, False)
        told = await stage.sql("SELECT kind, outcome FROM audit WHERE kind LIKE 'secret%' ORDER BY seq")
        assert [kind for kind, _ in told].count("secret_set") == 2
        assert ("secret_in_use", "applied") in told, "what was handed in is in use, and that closes its entry"


async def beyond(stage: Stage, edits: int) -> bool:
    return stage.edits >= edits


async def test_a_dead_credential_holds_the_lanes_until_there_is_a_new_one(
    tmp_path: Path, both: Sites, database: str
) -> None:
    """No try is used up, one case says why, a wrong one changes nothing, and a right one sets all of it going."""
    async with staged(tmp_path, both, database) as stage:
        numbers = [await both.incident(f"text 0 of {at}") for at in range(RECORDS)]
        await stage.arrives(f"text 0 of {RECORDS - 1}")
        await stage.accepts()
        last = await stage.edit(numbers)
        await stage.gate("jira", "credentials")
        tries = stage.run.gateway.topology.flows["incidents"].max_tries
        await until(lambda: rejected(stage, tries + 1), what="more refusals than tries", timeout_s=SLOW_S)
        assert await stage.sql("SELECT max(tries) FROM lane") == [(0,)]
        open_cases = "SELECT cause, connection FROM cases WHERE state <> 'closed'"
        assert await stage.sql(open_cases) == [("credentials.dead", "jira")]

        said = await stage.cli("connection", "rotate", "jira", "--stdin", typed="not this one\n")
        assert (said.code, "it was refused, jira goes on with the present one" in said.err) == (1, True), said
        assert last not in await both.texts("jira")

        await stage.accepts(NEW)
        said = await stage.cli("connection", "rotate", "jira", "--stdin", typed=NEW + "\n")
        assert said.code == 0, said
        await stage.arrives(last)
        await stage.gate("jira", "closed")
        assert await stage.sql("SELECT max(tries) FROM lane") == [(0,)]
        assert await stage.sql(open_cases) == []
        assert len(await both.objects("jira")) == RECORDS, "nothing was doubled"


async def rejected(stage: Stage, times: int) -> bool:
    return len(stage.rejections) >= times


CLIENT = "{oauth2_client_credentials: {token_url: /oauth_token.do, client_id: lockstep-client, client_secret: "


async def test_tokens_of_a_client_are_renewed_and_its_secret_rotated(
    tmp_path: Path, both: Sites, database: str
) -> None:
    """Against ServiceNow's token endpoint: tokens that end, tokens that are revoked, and another client secret."""
    file, url = configured(tmp_path, both, database, snow=CLIENT + "'file:client'}}\n    options: {user: lockstep}")
    (tmp_path / "client").write_text("lockstep-client-secret")
    async with started(file, url) as run:
        await both.tell(url)
        stage = Stage(run, both, tmp_path)
        await both.issue("first")
        await until(lambda: shows(both, "first"), what="the incident", timeout_s=SLOW_S)
        await stage.option("snow", oauth_lasts_s=2.0)
        await stage.option("snow", oauth_valid_from=run.gateway.clock.now())
        await both.issue("second")
        await until(lambda: shows(both, "second"), what="the incident", timeout_s=SLOW_S)
        serials = await stage.sql("SELECT count(*), max(serial) FROM token")
        assert serials[0][0] == 1
        assert serials[0][1] > 1, "the revoked token was renewed"
        await stage.option("snow", client_secrets=["lockstep-client-secret", "another"])
        (tmp_path / "client").write_text("another")

        async def switched() -> bool:
            return await stage.sql("SELECT count(*) FROM token") == [(2,)]

        await until(switched, what="tokens of the new secret", timeout_s=SLOW_S)
        await stage.option("snow", client_secrets=["another"])
        await both.issue("third")
        await until(lambda: shows(both, "third"), what="the incident", timeout_s=SLOW_S)

        async def in_use() -> bool:
            return await stage.sql("SELECT state FROM credential WHERE connection = 'snow'") == [("in_use",)]

        await until(in_use, what="the new secret to be in use", timeout_s=SLOW_S)
        assert await stage.sql("SELECT cause FROM cases WHERE state <> 'closed'") == []


async def shows(both: Sites, summary: str) -> bool:
    return summary in await both.texts("snow")
