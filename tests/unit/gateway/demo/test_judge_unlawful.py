"""Histories in which a promise was broken: the judge must see each of them, and call it by its name."""

from __future__ import annotations

import pytest

from gateway.demo.verdict import Kind
from tests.unit.gateway.demo.world import PRINTER, World, case_of_a_customer, pair

LOST, DUPLICATE, ORDER, APART, INVENTED = (
    Kind.LOST_EDIT,
    Kind.DUPLICATE,
    Kind.ORDER,
    Kind.OUT_OF_STEP,
    Kind.INVENTED,
)


def test_the_partner_is_missing() -> None:
    world = World().human("snow", "I1", summary="one ref t-1")
    assert world.broken() == [(APART, ""), (LOST, "summary")]
    assert (world.verdict().records, world.verdict().in_step) == (1, 0)


def test_a_field_differs_at_the_end() -> None:
    world = pair().human("snow", "I1", summary="two ref t-1").gateway("jira", "J1", summary="two ref t-1")
    world.raws["jira", "J1"]["title"] = "something else"
    assert world.broken() == [(APART, "summary")]


def test_a_case_for_one_field_does_not_excuse_another() -> None:
    world = pair().human("snow", "I1", description="new").opens_case("snow", "I1", "priority")
    assert world.broken() == [(APART, "description"), (LOST, "description")]


def test_a_case_of_another_record_excuses_nothing() -> None:
    world = pair().human("snow", "I1", description="new").opens_case("snow", "I2")
    assert (APART, "description") in world.broken()
    assert (LOST, "description") in world.broken()


def test_an_edit_never_crosses_and_is_overwritten_by_the_gateway() -> None:
    world = pair().human("snow", "I1", summary="left ref t-1").human("jira", "J1", summary="right ref t-1")
    world.gateway("snow", "I1", summary="right ref t-1")
    assert world.broken() == [(LOST, "summary")]
    assert world.verdict().violations[0].value == "left ref t-1"


def test_a_later_edit_does_not_excuse_one_the_gateway_had_overwritten() -> None:
    world = pair().human("snow", "I1", summary="left ref t-1").human("jira", "J1", summary="right ref t-1")
    world.gateway("snow", "I1", summary="right ref t-1")
    world.human("snow", "I1", summary="after ref t-1").gateway("jira", "J1", summary="after ref t-1")
    assert world.broken() == [(LOST, "summary")]


def test_a_value_shown_only_before_the_edit_does_not_count() -> None:
    world = pair().human("snow", "I1", priority="1").gateway("jira", "J1", priority="Highest")
    world.human("jira", "J1", priority="Lowest").gateway("snow", "I1", priority="5")
    world.human("snow", "I1", priority="1").gateway("snow", "I1", priority="5")
    assert world.broken() == [(LOST, "priority")]


def test_the_ledger_row_is_older_than_the_edit() -> None:
    world = pair().loses("snow", "I1", "summary", "left ref t-1").human("snow", "I1", summary="left ref t-1")
    world.human("jira", "J1", summary="right ref t-1").gateway("snow", "I1", summary="right ref t-1")
    assert world.broken() == [(LOST, "summary")]


@pytest.mark.parametrize(
    ("id", "name", "value"),
    [("I2", "summary", "left ref t-1"), ("I1", "description", "left ref t-1"), ("I1", "summary", "other")],
)
def test_a_ledger_row_of_something_else_excuses_nothing(id: str, name: str, value: str) -> None:
    world = pair().human("snow", "I1", summary="left ref t-1").human("jira", "J1", summary="right ref t-1")
    world.loses("snow", id, name, value).gateway("snow", "I1", summary="right ref t-1")
    assert world.broken() == [(LOST, "summary")]


def test_one_ledger_row_excuses_one_edit() -> None:
    world = pair()
    for _ in range(2):
        world.human("snow", "I1", priority="1").gateway("snow", "I1", priority="3")
    world.loses("snow", "I1", "priority", "critical")
    assert world.broken() == [(LOST, "priority")]
    assert world.verdict().ledgered == 1


def test_a_value_the_mapping_does_not_know_needs_a_case() -> None:
    assert set(pair().human("snow", "I1", priority="9").broken()) == {(APART, "priority"), (LOST, "priority")}


def test_an_edit_of_a_person_in_the_create_is_followed_too() -> None:
    world = World().human("snow", "I1", summary="a ref t-1", description="mine")
    world.gateway("jira", "J1", summary="a ref t-1")
    assert set(world.broken()) == {(APART, "description"), (LOST, "description")}


def test_an_edit_taken_back_after_it_was_carried_is_an_edit() -> None:
    world = pair().human("jira", "J1", priority="Highest").gateway("snow", "I1", priority="1")
    world.human("snow", "I1", priority="5").human("jira", "J1", priority="Medium")
    world.gateway("jira", "J1", priority="Lowest")
    assert world.broken() == [(LOST, "priority")]


def test_an_edit_taken_back_after_it_lost_a_conflict_is_an_edit() -> None:
    world = pair().human("jira", "J1", priority="Highest").human("snow", "I1", priority="5")
    world.loses("jira", "J1", "priority", "critical").human("jira", "J1", priority="Medium")
    world.gateway("jira", "J1", priority="Lowest")
    assert world.broken() == [(LOST, "priority")]


def test_an_edit_back_to_what_the_gateway_wrote_over_is_an_edit() -> None:
    world = pair().human("jira", "J1", priority="Highest").gateway("jira", "J1", priority="Lowest")
    world.human("snow", "I1", priority="5")
    world.human("jira", "J1", priority="Highest").gateway("jira", "J1", priority="Lowest")
    assert LOST in {kind for kind, _ in world.broken()}


def test_a_label_is_lost() -> None:
    world = pair().human("snow", "I1", labels=["hall", "fire"]).human("jira", "J1", labels=["hall", "smoke"])
    world.gateway("snow", "I1", labels=["hall", "smoke"])
    assert world.broken() == [(LOST, "labels")]
    assert world.verdict().violations[0].value == "fire"


def test_a_label_that_was_carried_and_then_taken_off_comes_back() -> None:
    world = pair().human("jira", "J1", labels=["hall", "fire"]).gateway("snow", "I1", labels=["hall", "fire"])
    world.human("jira", "J1", labels=["hall"]).gateway("jira", "J1", labels=["fire", "hall"])
    assert world.broken() == [(LOST, "labels")]


def test_a_label_taken_out_comes_back() -> None:
    world = pair().human("jira", "J1", labels=[]).human("snow", "I1", labels=["fire", "hall"])
    world.gateway("jira", "J1", labels=["fire", "hall"])
    assert world.broken() == [(LOST, "labels")]
    assert "removed" in world.verdict().violations[0].why


def test_a_resolution_of_a_resolved_ticket_differs() -> None:
    world = pair().human("snow", "I1", status="6", resolution="fixed")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Done", resolution="declined")
    assert world.broken() == [(APART, "resolution")]


def test_a_resolution_edited_by_itself_is_followed() -> None:
    world = pair().human("snow", "I1", status="6", resolution="fixed")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Done", resolution="fixed")
    world.human("snow", "I1", resolution="declined").gateway("snow", "I1", resolution="fixed")
    assert world.broken() == [(LOST, "resolution")]


def test_two_objects_for_one_thing() -> None:
    world = pair().gateway("jira", "J2", marker="r1", **PRINTER, priority="Medium", status="To Do")
    assert world.broken() == [(DUPLICATE, "")]


def test_two_objects_found_by_reference_though_their_markers_differ() -> None:
    world = pair().gateway("jira", "J2", marker="r2", **PRINTER, priority="Medium", status="To Do")
    assert world.broken() == [(DUPLICATE, "")]


def test_a_duplicate_that_somebody_deleted_still_was_made() -> None:
    world = pair().gateway("jira", "J2", summary="printer ref t-1").delete("jira", "J2", by_human=False)
    assert world.broken() == [(DUPLICATE, "")]


def test_an_object_comes_back_to_the_system_it_was_made_in() -> None:
    world = pair().gateway("snow", "I9", **PRINTER, priority="3", status="1")
    assert world.broken() == [(DUPLICATE, "")]


def test_writes_overtake_each_other() -> None:
    world = pair()
    for text in ("one", "two", "three"):
        world.human("snow", "I1", description=text)
    for text in ("two", "one", "three"):
        world.gateway("jira", "J1", description=text)
    assert world.broken() == [(ORDER, "description")]
    assert world.verdict().violations[0].value == "one"


def test_an_old_write_lands_last() -> None:
    world = pair().human("snow", "I1", priority="1").human("snow", "I1", priority="5")
    world.gateway("jira", "J1", priority="Lowest").gateway("jira", "J1", priority="Highest")
    assert set(world.broken()) == {(ORDER, "priority"), (APART, "priority")}


def test_a_write_before_its_edit_does_not_carry_it() -> None:
    world = pair().human("snow", "I1", priority="1").human("snow", "I1", priority="5")
    world.gateway("jira", "J1", priority="Lowest").gateway("jira", "J1", priority="Highest").human(
        "snow", "I1", priority="1"
    )
    assert world.broken() == [(ORDER, "priority")]


def test_what_the_targets_own_people_typed_long_ago_is_no_excuse() -> None:
    world = pair().human("snow", "I1", priority="1").gateway("jira", "J1", priority="Highest")
    world.human("jira", "J1", priority="Medium").gateway("snow", "I1", priority="3")
    world.human("jira", "J1", priority="Highest").gateway("snow", "I1", priority="1")
    world.human("snow", "I1", priority="5").gateway("jira", "J1", priority="Lowest")
    world.gateway("jira", "J1", priority="Highest").gateway("jira", "J1", priority="Lowest")
    assert world.broken() == [(ORDER, "priority")]


def test_a_path_is_left_unfinished_for_nothing() -> None:
    world = pair().human("snow", "I1", status="3").human("snow", "I1", status="6")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Review")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Hold")
    assert set(world.broken()) == {(ORDER, "status"), (APART, "status"), (LOST, "status")}


def test_a_status_flaps_without_a_new_edit() -> None:
    world = pair().human("snow", "I1", status="6")
    for name in ("Doing", "Done", "Doing", "Done"):
        world.gateway("jira", "J1", status=name)
    assert world.broken() == [(ORDER, "status")]


def test_a_status_returns_to_an_older_edit_before_a_person_moves_it() -> None:
    world = pair().human("snow", "I1", status="2").gateway("jira", "J1", status="Doing")
    world.human("snow", "I1", status="6").gateway("jira", "J1", status="Done").gateway("jira", "J1", status="Doing")
    world.human("jira", "J1", status="Hold").gateway("snow", "I1", status="3")
    assert world.broken() == [(ORDER, "status")]


def test_the_gateway_writes_what_nobody_typed() -> None:
    world = pair().gateway("jira", "J1", description="made up").gateway("jira", "J1", description="it burns")
    assert world.broken() == [(INVENTED, "description")]


def test_a_comment_is_missing() -> None:
    world = pair()
    world.says("snow", "I1", "hello")
    assert world.broken() == [(LOST, "comments")]


def test_a_comment_on_a_record_without_partner_is_missing() -> None:
    world = World().human("snow", "I1")
    world.says("snow", "I1", "hello")
    assert world.broken() == [(APART, ""), (LOST, "comments")]


def test_a_note_of_a_hand_over_stands_there_twice_or_was_carried_on() -> None:
    world = pair()
    for _ in range(2):
        world.copies("snow", "I1", "handed over from Ivy", "leaver:lo1")
    assert world.broken() == [(DUPLICATE, "comments")]
    world = pair()
    note = world.copies("snow", "I1", "handed over from Ivy", "leaver:lo1")
    world.copies("jira", "J1", "handed over from Ivy", note)
    assert world.broken() == [(INVENTED, "comments")]


def test_a_comment_is_copied_twice() -> None:
    world = pair()
    origin = world.says("snow", "I1", "hello")
    world.copies("jira", "J1", "hello", origin)
    world.copies("jira", "J1", "hello", origin)
    assert world.broken() == [(DUPLICATE, "comments")]


def test_a_copy_is_copied_back() -> None:
    world = pair()
    origin = world.says("snow", "I1", "hello")
    copy = world.copies("jira", "J1", "hello", origin)
    world.copies("snow", "I1", "hello", copy)
    assert world.broken() == [(DUPLICATE, "comments")]


def test_a_copy_is_copied_once_more_under_its_own_name() -> None:
    world = pair()
    origin = world.says("snow", "I1", "hello")
    copy = world.copies("jira", "J1", "hello", origin)
    echo = world.copies("snow", "I1", "hello", copy)
    world.copies("jira", "J1", "hello", echo)
    assert world.broken() == [(DUPLICATE, "comments"), (DUPLICATE, "comments")]


def test_a_copy_on_another_object_does_not_count() -> None:
    world = pair()
    world.human("snow", "I2", summary="b ref t-2").gateway("jira", "J2", marker="r2", summary="b ref t-2")
    world.copies("jira", "J2", "hello", world.says("snow", "I1", "hello"))
    assert sorted(world.broken()) == [(INVENTED, "comments"), (LOST, "comments")]


def test_a_copy_is_cut() -> None:
    world = pair()
    world.copies("jira", "J1", "hel", world.says("snow", "I1", "hello"))
    assert world.broken() == [(LOST, "comments")]


def test_copies_that_name_each_other_are_nobodys() -> None:
    world = pair()
    world.copies("jira", "J1", "x", "snow:n2")
    world.copies("snow", "I1", "x", "jira:n1")
    assert world.broken() == [(INVENTED, "comments"), (INVENTED, "comments")]


def test_a_case_that_reached_one_of_two() -> None:
    world = World().human("crm", "C1", summary="invoice ref t-1", status="Open")
    world.gateway("jira", "J1", marker="r1", summary="invoice ref t-1", status="To Do")
    assert world.broken() == [(Kind.OUT_OF_STEP, "")]


def test_a_case_that_was_not_closed_again_and_a_comment_that_did_not_come_back() -> None:
    world = case_of_a_customer().human("snow", "I1", status="6", resolution="solved")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Done", resolution="solved")
    world.copies("snow", "I1", "sent", world.says("jira", "J1", "sent"))
    assert sorted(world.broken()) == [
        (Kind.LOST_EDIT, "comments"),
        (Kind.LOST_EDIT, "status"),
        (Kind.OUT_OF_STEP, "status"),
        (Kind.OUT_OF_STEP, "status"),
    ]


def test_an_object_that_the_gateway_deleted_where_records_only_begin() -> None:
    world = case_of_a_customer().delete("crm", "C1", by_human=False)
    assert world.broken() == [(Kind.OUT_OF_STEP, "")]


def test_a_second_object_where_records_only_begin() -> None:
    world = case_of_a_customer().gateway("crm", "C2", marker="r1", summary="invoice ref t-1", status="Open")
    assert (Kind.DUPLICATE, "") in world.broken()


def test_an_object_where_records_only_begin_is_made_of_another() -> None:
    world = pair().gateway("crm", "C1", marker="r1", summary="printer ref t-1")
    assert (INVENTED, "") in world.broken()


def test_an_object_that_nobody_asked_for() -> None:
    assert (INVENTED, "") in pair().gateway("crm", "C9", summary="of nobody").broken()


def test_an_older_edit_of_one_of_three_after_a_newer_one() -> None:
    world = case_of_a_customer().human("crm", "C1", summary="two ref t-1").human("crm", "C1", summary="three ref t-1")
    world.gateway("snow", "I1", summary="three ref t-1").gateway("jira", "J1", summary="three ref t-1")
    world.gateway("jira", "J1", summary="two ref t-1")
    assert (Kind.ORDER, "summary") in world.broken()
