"""What a person or a program reads that asks the port for something that is not there: a problem document, always."""

from __future__ import annotations

from pathlib import Path

from tests.support.edges import Sites
from tests.support.running import started, write_config

ASKED = [
    ("GET", "/nothing", 404, "unknown-path"),
    ("GET", "/v1/nothing", 404, "unknown-path"),
    ("POST", "/hooks/", 404, "unknown-path"),
    ("POST", "/hooks/nowhere", 404, "unknown-connection"),
    ("GET", "/hooks/snow", 405, "method-not-allowed"),
    ("DELETE", "/v1/now", 405, "method-not-allowed"),
]


async def test_every_refusal_is_a_problem_document(both: Sites, tmp_path: Path) -> None:
    file, url = write_config(tmp_path, snow=both.snow.url, jira=both.jira.url)
    async with started(file, url) as run:
        for method, path, status, code in ASKED:
            async with run.http.request(method, f"{url}{path}") as answer:
                assert (answer.status, answer.content_type) == (status, "application/problem+json"), path
                said = await answer.json(content_type=None)
                assert (said["status"], said["code"]) == (status, code)
                assert said["type"].endswith(code) and said["title"] and said["detail"]
                if status == 405:
                    assert answer.headers["Allow"] in said["detail"]
        refused = (await run.now())["worker"]["refused"]
    assert refused == {"-:unknown_connection": 1}
