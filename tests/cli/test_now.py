"""The one summary: what the command line, the API and the console say needs people, now and at a moment before."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.cli.conftest import SECRETS, Typist


def told(typist: Typist, *words: str) -> Any:
    said = typist("now", "--json", *words)
    assert said.code == 0, said
    return json.loads(said.out)


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def test_parked_cases_need_nobody(there: Typist) -> None:
    assert (told(there)["needs_people"], told(there)["things"]) == (10, 3)
    assert there("case", "park", "FO-2", "--until", "7d", "--reason", "vendor").code == 0
    found = told(there)
    assert (found["needs_people"], found["things"]) == (9, 3)
    headers = {"Authorization": f"Bearer {SECRETS['ada']}"}
    api = httpx.get(f"{there.url}/v1/now", headers=headers, timeout=30).json()
    assert (api["needs_people"], api["things"]) == (9, 3)
    assert [group["key"] for group in api["groups"]] == [group["key"] for group in found["groups"]]
    page = httpx.get(f"{there.url}/now", headers={**headers, "Accept": "text/html"}, timeout=30).text
    assert "3 things need you" in page and "9 open cases" in page


def test_a_moment_before(here: Typist, there: Typist) -> None:
    for typist in (here, there):
        before = time.time()
        assert typist("case", "close", "FO-2", "--reason", "seen to").code == 0
        assert told(typist)["needs_people"] == 9
        then = told(typist, "--at", at(before))
        assert (then["needs_people"], then["records"], then["connections"]) == (10, 1, [])
        assert {"owners", "queues"} <= set(then["not_known"])
        first = told(typist, "--at", "1970-01-01T00:10:00Z")
        assert (first["needs_people"], first["things"]) == (1, 1), "only one was known by then"
        assert "cases that were closed long ago" in first["not_known"]
        assert "Not kept of that moment: owners" in typist("now", "--at", at(before)).out
        later = told(typist, "--at", at(time.time() + 3600))
        assert later["not_known"] == [], "a moment to come is now"
