"""First steps of people and tokens as processes, beside a running gateway: links, logins, exit codes, no secrets."""

from __future__ import annotations

import asyncio
import io
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from gateway.cli.main import main
from gateway.config import load
from gateway.storage.database import Database
from tests.support.edges import Program, Said, environment, lockstep, program
from tests.support.migrated import migrated
from tests.support.running import ENVIRONMENT, TOKEN, write_config

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"
GOOD = "four score and seven years"
Say = Callable[..., Awaitable[Said]]


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, str]:
    return write_config(tmp_path, snow=NOWHERE, jira=NOWHERE)


@pytest.fixture
async def prepared(site: tuple[Path, str]) -> None:
    await prepare(site[0])


async def prepare(file: Path) -> None:
    """The database as a first start leaves it."""
    database = Database(load(file, ENVIRONMENT).database)
    await migrated(database)
    await database.close()


@pytest.fixture
def say(tmp_path: Path) -> Say:
    async def said(*words: str, stdin: str = "") -> Said:
        env = environment(XDG_CONFIG_HOME=str(tmp_path / "xdg"))
        told = await lockstep(*words, cwd=tmp_path, env=env, typed=stdin)
        assert "Traceback" not in told.err, told.err
        return told

    return said


@pytest.fixture
async def gateway(site: tuple[Path, str]) -> AsyncIterator[Program]:
    async with aiohttp.ClientSession() as http, program(*site, http) as started:
        yield started


@pytest.mark.usefixtures("prepared")
async def test_people_from_the_first_to_the_last_step(say: Say, tmp_path: Path) -> None:
    added = await say("user", "add", "bob", "--role", "operator", "--connection", "snow", "--json")
    assert (added.code, added.document()["connections"]) == (0, ["snow"])
    assert "lockstep user password bob" in added.err
    changed = await say("user", "set", "bob", "--everywhere", "--role", "viewer", "--role", "approver", "--json")
    assert (changed.document()["roles"], changed.document()["connections"]) == (["approver", "viewer"], None)
    assert (await say("user", "password", "bob", "--stdin", stdin=f"{GOOD}\n")).code == 0
    made_up = await say("user", "password", "bob", "--generate")
    assert made_up.code == 0
    listed = await say("user", "list")
    assert listed.out.splitlines()[1].split("\t")[:5] == ["bob", "approver, viewer", "all", "all", "password"]
    assert (await say("user", "sign-out", "bob", "--json")).document()["sessions_ended"] == 0
    assert (await say("user", "disable", "bob", "--yes")).out.startswith("bob: approver, viewer")
    assert (await say("user", "enable", "bob", "--json")).document()["disabled_at"] is None
    kept = b"".join(each.read_bytes() for each in (tmp_path / "gateway").iterdir() if each.is_file())
    for secret in (GOOD, made_up.out.strip()):
        assert secret.encode() not in kept
        assert secret not in listed.out + listed.err


def test_what_is_refused_says_so_by_its_exit_code(
    site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: 18 starts of a program take their time, and nothing here depends on one."""
    for name, value in {**ENVIRONMENT, "XDG_CONFIG_HOME": str(site[0].parent / "xdg")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(site[0].parent)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    asyncio.run(prepare(site[0]))
    with pytest.raises(SystemExit) as ended:
        main(["user", "add", "ada", "--role", "admin"])
    assert ended.value.code in (0, None)
    for words, code, told in (
        (("user", "add", "ada", "--role", "viewer"), 6, "already"),
        (("user", "add", "bob", "--role", "king"), 2, "no role king"),
        (("user", "add", "bob", "--role", "viewer", "--connection", "sap"), 2, "no connection sap"),
        (("user", "add", "Bob", "--role", "viewer"), 2, "no name"),
        (("user", "set", "nobody", "--role", "viewer"), 7, "nobody called"),
        (("user", "set", "ada", "--role", "viewer"), 6, "last admin"),
        (("user", "set", "ada", "--label", "A", "--expect", "9"), 5, "Look again"),
        (("user", "disable", "ada"), 2, "--yes"),
        (("user", "password", "ada"), 2, "--stdin"),
        (("user", "password", "ada", "--stdin"), 2, "standard input"),
        (("token", "create", "ci", "--role", "viewer", "--expires", "soon"), 2, "--expires"),
        (("token", "create", "ci", "--role", "viewer", "--expires", "900d"), 2, "366 days"),
        (("token", "revoke", "tok_0"), 7, "no token"),
        (("token", "revoke", "declared:tests"), 2, "access.tokens"),
        (("console", "--as", "nobody"), 7, "nobody called"),
        (("login", "--url", "http://lockstep.example.com", "--stdin"), 2, "https://"),
        (("login", "--url", NOWHERE, "--stdin"), 2, "standard input"),
        (("whoami", "--url", NOWHERE), 6, "not signed in"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert (ended.value.code, told in capsys.readouterr().err) == (code, True), words


@pytest.mark.usefixtures("prepared")
async def test_tokens_are_shown_once(say: Say, tmp_path: Path) -> None:
    made = await say("token", "create", "ci", "--role", "viewer", "--type", "incident", "--expires", "7d")
    secret = made.out.strip()
    assert secret.startswith("lsk_")
    listed = (await say("token", "list", "--json")).document()
    assert [(each["name"], each["roles"], each["types"]) for each in listed] == [
        ("ci", ["viewer"], ["incident"]),
        ("tests", ["admin"], None),
    ]
    shown = await say("token", "list")
    gone = (await say("token", "revoke", listed[0]["id"], "--json")).document()
    assert gone["revoked_at"] is not None
    kept = b"".join(each.read_bytes() for each in (tmp_path / "gateway").iterdir() if each.is_file())
    assert secret.encode() not in kept
    assert secret not in made.err + shown.out + json.dumps(listed)
    assert TOKEN not in shown.out + json.dumps(listed)


async def test_before_the_first_start_it_is_said_what_to_do(site: tuple[Path, str], say: Say) -> None:
    said = await say("user", "list")
    assert (said.code, "lockstep run" in said.err) == (8, True)
    assert (await say("whoami", "--json")).document()["roles"] == ["admin"]


async def test_a_link_signs_in_to_the_running_gateway_once(say: Say, gateway: Program) -> None:
    link = (await say("console", "--json")).document()["url"]
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.get(link, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/")
        async with browser.get(f"{gateway.url}/session") as answer:
            told = await answer.json()
            assert (told["id"][:6], told["roles"]) == ("local:", ["admin"])
        async with browser.get(link, allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/sign-in?why=link"
    log = (gateway.file.parent / "gateway.log").read_text() if (gateway.file.parent / "gateway.log").exists() else ""
    assert link.rpartition("=")[2] not in log


async def test_an_account_signs_in_to_a_gateway_elsewhere(say: Say, gateway: Program, tmp_path: Path) -> None:
    await say("user", "add", "bob", "--role", "viewer")
    secret = (await say("token", "create", "laptop", "--role", "viewer")).out.strip()
    wrong = await say("login", "--url", gateway.url, "--stdin", stdin="lsk_wrong\n")
    assert (wrong.code, (tmp_path / "xdg").exists()) == (6, False)
    good = await say("login", "--url", gateway.url, "--stdin", "--json", stdin=f"{secret}\n")
    assert (good.code, good.document()["roles"]) == (0, ["viewer"])
    kept = tmp_path / "xdg" / "lockstep" / "logins.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text()) == {gateway.url: secret}
    there = await say("whoami", "--url", gateway.url, "--json")
    assert (there.document()["roles"], there.document()["at"]) == (["viewer"], gateway.url)
    assert secret not in good.out + good.err + there.out + there.err
    kept.chmod(0o644)
    assert (await say("whoami", "--url", gateway.url)).code == 11
    kept.chmod(0o600)
    assert (await say("login", "--url", gateway.url, "--forget")).code == 0
    assert json.loads(kept.read_text()) == {}
