"""The way back through a list."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from gateway.console.paging import DEEPEST, ways


def _given(address: str) -> dict[str, str]:
    return {"text": "", "after": "", "back": ""} | dict(parse_qsl(urlsplit(address).query))


def test_back_leads_through_the_pages_that_were_seen_to_the_first() -> None:
    address, seen = "/cases?text=a", ["/cases?text=a"]
    for at in range(4):
        address = ways("/cases", _given(address), "after", f"{at}:FO-{at}").next
        seen.append(address)
    assert ways("/cases", _given(address), "after", None).next == ""
    for before in reversed(seen[:-1]):
        back = ways("/cases", _given(address), "after", "more")
        assert _given(back.previous) == _given(before)
        assert back.first == "/cases?text=a"
        address = back.previous
    assert ways("/cases", _given(address), "after", "more")[:2] == ("", "")


def test_an_address_grows_only_so_far() -> None:
    address = "/cases"
    for at in range(DEEPEST * 2):
        address = ways("/cases", _given(address), "after", f"FO-{at}").next
    assert len(_given(address)["back"].split("~")) == DEEPEST
    before = _given(ways("/cases", _given(address), "after", None).previous)
    assert before["after"] == f"FO-{DEEPEST * 2 - 2}"
