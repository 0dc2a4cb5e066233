"""The Table API as facts.md 1.2 to 1.4 describe it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox.calling import World, new_incident

TABLE = "/api/now/table/incident"


async def _numbers(snow: World, query: str, **more: str) -> list[str]:
    params = "&".join(f"{name}={value}" for name, value in more.items())
    answer = await snow.person("lockstep").get(f"{TABLE}?sysparm_query={query}&sysparm_fields=number&{params}")
    return [row["number"] for row in answer.result]


async def test_every_value_is_a_text_or_a_reference(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, impact=1, active=True, assigned_to="ca4a0000c0ffee00b0a7000000000004")
    row = (await ann.get(path)).result
    assert {type(value) for name, value in row.items() if name not in ("assigned_to", "opened_by", "sys_domain")} == {
        str
    }
    assert row["assigned_to"] == {
        "link": f"{snow.stand_in.url}/api/now/table/sys_user/ca4a0000c0ffee00b0a7000000000004",
        "value": "ca4a0000c0ffee00b0a7000000000004",
    }
    assert (row["impact"], row["active"], row["sys_mod_count"]) == ("1", "true", "0")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("false", {"state": "1", "assigned_to": {"value", "link"}}),
        ("true", {"state": "New", "assigned_to": {"display_value", "link"}}),
        ("all", {"state": {"display_value": "New", "value": "1"}, "assigned_to": {"display_value", "value", "link"}}),
    ],
)
async def test_display_modes(snow: World, mode: str, expected: dict[str, Any]) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, assigned_to="ca4a0000c0ffee00b0a7000000000004")
    row = (await ann.get(f"{path}?sysparm_display_value={mode}")).result
    assert row["state"] == expected["state"]
    assert set(row["assigned_to"]) == expected["assigned_to"]
    bare = (await ann.get(f"{path}?sysparm_display_value={mode}&sysparm_exclude_reference_link=true")).result
    assert "link" not in str(bare["assigned_to"])


async def test_fields_with_dot_walk_leave_out_what_does_not_exist(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, assigned_to="ca4a0000c0ffee00b0a7000000000004")
    row = (await ann.get(f"{path}?sysparm_fields=number,assigned_to.email,caller_id.email,nonsense,state.x")).result
    assert row == {"number": "INC0010001", "assigned_to.email": "cara@example.com", "caller_id.email": ""}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("short_description=b", "2"),
        ("short_description!=b", "13"),
        ("short_descriptionLIKErin", ""),
        ("short_descriptionSTARTSWITHa", "1"),
        ("short_descriptionENDSWITHc", "3"),
        ("urgency>1", "23"),
        ("urgency>=2^urgency<3", "2"),
        ("short_descriptionINa,c", "13"),
        ("short_descriptionNOT INa,c", "2"),
        ("correlation_idISEMPTY", "12"),
        ("correlation_idISNOTEMPTY", "3"),
        ("short_description=a^ORshort_description=b^urgency=2", "2"),
        ("urgency=2^short_description=a^ORshort_description=b", "2"),
        ("short_description=a^NQshort_description=c", "13"),
        ("assigned_to.email=cara@example.com", "1"),
        ("urgencyBETWEEN2@3", "23"),
        ("ORDERBYDESCurgency", "321"),
        ("ORDERBYshort_description", "123"),
    ],
)
async def test_encoded_queries(snow: World, query: str, found: str) -> None:
    ann = snow.person("ann")
    await new_incident(ann, "a", urgency="1", assigned_to="ca4a0000c0ffee00b0a7000000000004")
    await new_incident(ann, "b", urgency="2")
    await new_incident(ann, "c", urgency="3", correlation_id="x")
    numbers = [number[-1] for number in await _numbers(snow, query)]
    assert (numbers if "ORDERBY" in query else sorted(numbers)) == list(found)


async def test_an_invalid_part_is_ignored_and_the_rest_applied(snow: World) -> None:
    ann = snow.person("ann")
    await new_incident(ann, "a")
    await new_incident(ann, "b")
    assert len(await _numbers(snow, "short_descripton=a")) == 2
    assert len(await _numbers(snow, "bogus>5^short_description=a")) == 1
    await snow.option(invalid_query_returns_no_rows=True)
    assert await _numbers(snow, "short_descripton=a") == []


async def test_paging_headers(snow: World) -> None:
    ann = snow.person("ann")
    for number in range(5):
        await new_incident(ann, str(number))
    one_page = await ann.get(f"{TABLE}?sysparm_limit=5")
    assert "Link" not in one_page.headers
    assert one_page.headers["X-Total-Count"] == "5"
    first = await ann.get(f"{TABLE}?sysparm_limit=2&sysparm_fields=number")
    assert [part.split(";")[1] for part in first.headers["Link"].split(",")] == [
        'rel="first"',
        'rel="next"',
        'rel="last"',
    ]
    assert 'sysparm_offset=4>;rel="last"' in first.headers["Link"]
    last = await ann.get(f"{TABLE}?sysparm_limit=2&sysparm_offset=4")
    assert 'rel="next"' not in last.headers["Link"]
    assert 'rel="prev"' in last.headers["Link"]
    assert "X-Total-Count" not in (await ann.get(f"{TABLE}?sysparm_no_count=true")).headers
    suppressed = await ann.get(f"{TABLE}?sysparm_limit=2&sysparm_suppress_pagination_header=true")
    assert "Link" not in suppressed.headers


async def test_access_rules_shorten_pages_after_the_limit(snow: World) -> None:
    ann = snow.person("ann")
    for text in ("a", "secret", "b"):
        await new_incident(ann, text)
    await snow.option(acl_hidden_query="short_description=secret")
    page = await ann.get(f"{TABLE}?sysparm_limit=2&sysparm_query=ORDERBYnumber")
    assert [row["short_description"] for row in page.result] == ["a"]
    assert page.headers["X-Total-Count"] == "3"
    assert len((await snow.person("admin").get(TABLE)).result) == 3


async def test_no_match_is_empty_or_in_v1_404(snow: World) -> None:
    ann = snow.person("ann")
    for version in ("", "/v2"):
        assert (await ann.get(f"/api/now{version}/table/incident?sysparm_query=number=x")).result == []
    assert (await ann.get("/api/now/v1/table/incident?sysparm_query=number=x")).status == 404


async def test_refusals_have_the_vendors_bodies(snow: World) -> None:
    ann = snow.person("ann")
    unsigned = await snow.nobody.get(TABLE)
    assert (unsigned.status, unsigned.headers["WWW-Authenticate"]) == (401, 'Basic realm="Service-now"')
    assert (await snow.person("ann", "wrong").get(TABLE)).status == 401
    wrong_table = await ann.get("/api/now/table/incidnt")
    assert (wrong_table.status, wrong_table.json["error"]["message"]) == (400, "Invalid table incidnt")
    missing = await ann.get(f"{TABLE}/{'0' * 32}")
    assert (missing.status, missing.json["error"]["message"]) == (404, "No Record found")
    assert (await ann("POST", TABLE, b"{nonsense")).status == 400
    assert (await ann("POST", TABLE, {}, headers={"Content-Type": ""})).status == 400
    assert (await ann.get(TABLE, headers={"Accept": ""})).status == 400
    assert (await ann.get(TABLE, headers={"Accept": "text/html"})).status == 406
    assert (await ann("POST", TABLE, b"<a/>", headers={"Content-Type": "text/html"})).status == 415
    assert (await ann("PUT", TABLE, {})).status == 405
    assert (await ann("POST", "/api/now/table/sys_audit", {})).status == 403


async def test_writes(snow: World) -> None:
    ann = snow.person("ann")
    made = await ann(
        "POST", TABLE, [{"short_description": "first", "sys_id": "mine", "nonsense": 1}, {"short_description": "2"}]
    )
    assert made.status == 201
    assert made.headers["Location"].endswith(f"{TABLE}/{made.result['sys_id']}")
    assert made.result["sys_id"] != "mine"
    assert len((await ann.get(TABLE)).result) == 1
    path = f"{TABLE}/{made.result['sys_id']}"
    put = await ann("PUT", path, {"description": "d"})
    assert (put.status, put.result["short_description"]) == (200, "first")
    cleared = await ann("PATCH", path, {"description": ""})
    assert cleared.result["description"] == ""
    quiet = await ann("PATCH", path, {"description": "e"}, headers={"X-no-response-body": "true"})
    assert (quiet.status, quiet.body) == (200, b"")
    overridden = await ann("POST", path, {"description": "f"}, headers={"X-HTTP-Method-Override": "PATCH"})
    assert (overridden.status, overridden.result["description"]) == (200, "f")
    named = await ann(
        "PATCH", f"{path}?sysparm_input_display_value=true", {"assigned_to": "Cara Cole", "impact": "1 - High"}
    )
    assert named.result["assigned_to"]["value"] == "ca4a0000c0ffee00b0a7000000000004"
    assert named.result["impact"] == "1"
    assert (await ann("DELETE", path)).status == 204
    assert (await ann.get(path)).status == 404


async def test_long_text_is_cut_without_a_word(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, "x" * 200)
    assert (await ann.get(path)).result["short_description"] == "x" * 160


async def test_versions_count_effective_changes_only(snow: World) -> None:
    ann, bob = snow.person("ann"), snow.person("bob")
    path = await new_incident(ann)
    first = (await bob("PATCH", path, {"description": "d", "state": "2"})).result
    assert (first["sys_mod_count"], first["sys_updated_by"], first["sys_created_by"]) == ("1", "bob", "ann")
    same = (await ann("PATCH", path, {"description": "d"})).result
    assert (same["sys_mod_count"], same["sys_updated_by"]) == ("1", "bob")
    commented = (await ann("PATCH", path, {"comments": "hello"})).result
    assert (commented["sys_mod_count"], commented["comments"]) == ("2", "")


async def test_audit_tells_who_changed_what_at_which_version(snow: World) -> None:
    ann, bob = snow.person("ann"), snow.person("bob")
    path = await new_incident(ann, impact="3")
    await bob("PATCH", path, {"impact": "1"})
    await ann("PATCH", path, {"description": "d"})
    sys_id = path.rpartition("/")[2]
    fields = "fieldname,oldvalue,newvalue,user,record_checkpoint,tablename"
    query = f"documentkey={sys_id}^ORDERBYrecord_checkpoint^ORDERBYfieldname"
    rows = (await ann.get(f"/api/now/table/sys_audit?sysparm_query={query}&sysparm_fields={fields}")).result
    assert [tuple(row[name] for name in fields.split(",")) for row in rows] == [
        ("impact", "3", "1", "bob", "1", "incident"),
        ("priority", "5", "3", "bob", "1", "incident"),
        ("description", "", "d", "ann", "2", "incident"),
    ]


async def test_journals_are_inputs_with_their_own_table(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, comments="seen by the caller")
    await ann("PATCH", path, {"work_notes": "seen by us"})
    sys_id = path.rpartition("/")[2]
    rows = (await ann.get(f"/api/now/table/sys_journal_field?sysparm_query=element_id={sys_id}")).result
    assert [(row["element"], row["value"], row["sys_created_by"], row["name"]) for row in rows] == [
        ("comments", "seen by the caller", "ann", "incident"),
        ("work_notes", "seen by us", "ann", "incident"),
    ]
    shown = (await ann.get(f"{path}?sysparm_display_value=true")).result
    assert "ann (Additional comments)\nseen by the caller" in shown["comments"]


async def test_deletes_leave_a_trace(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann)
    await ann("DELETE", path)
    rows = (await ann.get("/api/now/table/sys_audit_delete")).result
    assert [(row["tablename"], row["documentkey"], row["user"]) for row in rows] == [
        ("incident", path.rpartition("/")[2], "ann")
    ]


async def test_correlation_is_searchable_and_not_unique(snow: World) -> None:
    ann = snow.person("ann")
    await new_incident(ann, correlation_id="c-1")
    await new_incident(ann, correlation_id="c-1")
    assert len(await _numbers(snow, "correlation_id=c-1")) == 2


async def test_name_value_parameters_take_display_values(snow: World) -> None:
    ann = snow.person("ann")
    path = await new_incident(ann, "a")
    await new_incident(ann, "b")
    await ann("PATCH", path, {"state": "2"})
    rows = (await ann.get(f"{TABLE}?state=in%20progress&active=true")).result
    assert [row["short_description"] for row in rows] == ["a"]


async def test_rate_limit(snow: World) -> None:
    await snow.option(rate_limit_per_hour=2)
    ann = snow.person("ann")
    assert (await ann.get(TABLE)).headers["X-RateLimit-Limit"] == "2"
    await ann.get(TABLE)
    refused = await ann.get(TABLE)
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert refused.json["error"]["message"] == "Rate limit exceeded"
    assert (await snow.person("bob").get(TABLE)).status == 200
