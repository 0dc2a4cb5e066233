"""The title of a case is for people: what a system said, not what we asked it; its own words stand beside."""

from __future__ import annotations

import pytest

from connectors.contract.errors import DeliveryError, Refused
from connectors.contract.values import Write
from tests.scenarios.world_of_two import two

REQUEST = "PUT /rest/api/3/issue/10001"
SAID = "Project OPS is archived"


@pytest.mark.parametrize(
    ("error", "title", "code", "text"),
    [
        (Refused(f"{REQUEST} answered 400: {SAID}", status=400, said=SAID), f"b refuses writes: {SAID}", "400", SAID),
        (Refused(f"{REQUEST} answered 403", status=403), "b refuses writes: it answered 403", "403", ""),
        (Refused("a write needs the issue it is for"), "b refuses writes: a write needs the issue it is for", "", ""),
        (
            Refused(f"{REQUEST} answered 400: x: is unknown", status=400, fields={"x": "is unknown"}, said="x: is"),
            "b refuses x: is unknown",
            "400",
            "is unknown",
        ),
    ],
)
async def test_no_title_carries_a_request(
    store_url: str, error: DeliveryError, title: str, code: str, text: str
) -> None:
    def answer(write: Write) -> str | None:
        raise error

    async with two(store_url) as w:
        w.b.answer = answer
        w.edit_a(x="1")
        await w.g.settle()
        (case,) = await w.g.cases()
        assert (case.title, case.vendor_code, case.vendor_text) == (title, code, text)
        assert REQUEST not in case.title and str(case.evidence["error"]).startswith(str(error)[:10])
