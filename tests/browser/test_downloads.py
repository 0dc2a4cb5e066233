"""Downloads and other answers as programs see them: one that breaks off looks broken, and HEAD has no body."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientPayloadError, ClientSession
from playwright.sync_api import Browser

from connectors.contract.errors import StorageError
from dead_letter.values import Case, CaseFilter
from gateway.work import cases
from tests.browser.filling import fill
from tests.browser.stage import COOKIE, House, Stage

PAGES = (
    *("/now", "/cases", "/cases?by=none", "/c/{refused}", "/records", "/r/jira/issue/OPS-7", "/connections"),
    *("/conn/jira", "/replays", "/replays/new", "/mappings", "/audit", "/settings", "/sign-in?why=wrong", "/keys"),
)


@pytest.fixture(scope="module")
def own(chromium: Browser, house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = house.stage(tmp_path_factory.mktemp("downloads"))
    house.do(fill(stage, refused=30))
    return stage


async def _asked(stage: Stage, method: str, path: str, *, who: str = "ada") -> tuple[int, dict[str, str], bytes]:
    cookies = {COOKIE: stage.cookies[who]}
    async with (
        ClientSession(cookies=cookies) as http,
        http.request(method, stage.url + path, allow_redirects=False) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.read()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_has_every_case_that_fits(own: Stage, house: House, kind: str) -> None:
    status, headers, body = house.do(_asked(own, "GET", f"/cases/export?format={kind}&text=archived"))
    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
    text = body.decode()
    numbers = (
        [row["number"] for row in csv.DictReader(io.StringIO(text))]
        if kind == "csv"
        else [orjson.loads(line)["number"] for line in text.splitlines()]
    )
    wanted = CaseFilter(text="archived", limit=200)
    known = house.do(cases.list_cases(own.gateway.place, own.principal("ada"), wanted))
    assert sorted(numbers) == sorted(case.number for case in known.cases)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_that_breaks_off_has_no_clean_end(
    own: Stage, house: House, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cases.export_cases

    async def breaks(*asked: Any) -> AsyncIterator[Case]:
        at = 0
        async for case in whole(*asked):
            at += 1
            if at == 5:
                raise StorageError("the database went away")
            yield case

    monkeypatch.setattr(cases, "export_cases", breaks)
    with pytest.raises(ClientPayloadError):
        house.do(_asked(own, "GET", f"/cases/export?format={kind}"))


def test_an_export_that_cannot_begin_is_an_answer(own: Stage, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*asked: Any) -> AsyncIterator[Case]:
        for each in asked:
            if each is asked[0]:
                raise StorageError("the database is away")
            yield each

    monkeypatch.setattr(cases, "export_cases", nothing)
    status, headers, body = house.do(_asked(own, "GET", "/cases/export"))
    assert (status, "Content-Disposition" in headers) == (503, False)
    assert b"The database does not answer" in body


@pytest.mark.parametrize("path", PAGES)
def test_head_is_get_without_its_body(own: Stage, house: House, path: str) -> None:
    page = path.format_map(own.known)
    got, asked = house.do(_asked(own, "GET", page)), house.do(_asked(own, "HEAD", page))
    assert asked[0] == got[0] == (303 if "sign-in" in path and "why" not in path else 200)
    assert asked[2] == b"" and len(got[2]) > 100
    assert asked[1]["Content-Type"] == got[1]["Content-Type"]


def test_head_of_a_download_and_of_the_front_door_ends_at_its_headers(own: Stage, house: House) -> None:
    # A body after it would be taken for the next answer on the same connection.
    for path, status in (("/cases/export", 200), ("/audit/export", 200), ("/", 303)):
        answer = house.do(_asked(own, "HEAD", path))
        assert (answer[0], answer[2]) == (status, b"")
