"""Histories in which every promise was kept: the judge must let each of them pass."""

from __future__ import annotations

import pytest

from gateway.demo.verdict import Verdict
from tests.unit.gateway.demo.world import World, case_of_a_customer, pair


def passes(world: World, *, records: int = 1) -> Verdict:
    verdict = world.verdict()
    assert verdict.violations == []
    assert (verdict.records, verdict.in_step) == (records, records)
    return verdict


def test_nothing_happened() -> None:
    passes(World(), records=0)


def test_an_incident_appears_in_the_other_system() -> None:
    verdict = passes(pair())
    assert (verdict.changes, verdict.commands, verdict.cases) == (1, 1, 0)


def test_objects_are_paired_by_marker_alone() -> None:
    world = (
        World()
        .human("snow", "I1", summary="no reference in here")
        .gateway("jira", "J1", marker="r1", summary="no reference in here")
    )
    world.markers["snow", "I1"] = "r1"
    passes(world)


def test_objects_are_paired_by_the_reference_people_typed() -> None:
    world = World().human("snow", "I1", summary="a ref t-1").gateway("jira", "J1", summary="a ref t-1")
    world.human("snow", "I2", summary="a ref t-2").gateway("jira", "J2", summary="a ref t-2")
    passes(world, records=2)


def test_an_edit_is_carried() -> None:
    passes(pair().human("snow", "I1", summary="two ref t-1").gateway("jira", "J1", summary="two ref t-1"))


def test_edits_go_both_ways() -> None:
    world = pair().human("snow", "I1", description="a").gateway("jira", "J1", description="a")
    passes(world.human("jira", "J1", priority="Highest").gateway("snow", "I1", priority="1"))


def test_edits_before_the_partner_was_made_are_in_the_create() -> None:
    world = World().human("snow", "I1", summary="one ref t-1").human("snow", "I1", summary="two ref t-1")
    passes(world.gateway("jira", "J1", summary="two ref t-1"))


def test_an_edit_replaced_by_a_person_need_not_cross() -> None:
    world = pair().human("snow", "I1", summary="two ref t-1").human("snow", "I1", summary="three ref t-1")
    passes(world.gateway("jira", "J1", summary="three ref t-1"))


def test_an_edit_that_the_partner_already_shows_need_not_cross() -> None:
    passes(pair().human("jira", "J1", priority="Highest").human("snow", "I1", priority="1"))


def test_a_reverted_edit_may_cross_or_not() -> None:
    passes(pair().human("snow", "I1", priority="1").human("snow", "I1", priority="3"))


def test_the_loser_of_a_conflict_is_in_the_ledger() -> None:
    world = pair().human("snow", "I1", summary="left ref t-1").human("jira", "J1", summary="right ref t-1")
    world.loses("snow", "I1", "summary", "left ref t-1").gateway("snow", "I1", summary="right ref t-1")
    assert passes(world).ledgered == 1


def test_the_ledger_may_hold_an_external_value_the_mapping_does_not_know() -> None:
    world = pair().human("snow", "I1", priority="9").human("jira", "J1", priority="Highest")
    passes(world.loses("snow", "I1", "priority", "9").gateway("snow", "I1", priority="1"))


def test_a_case_holds_a_field() -> None:
    world = pair().human("snow", "I1", priority="9").opens_case("snow", "I1", "priority")
    verdict = passes(world)
    assert (verdict.held, verdict.cases) == (1, 1)


def test_a_case_holds_a_record_that_has_no_partner() -> None:
    world = World().human("snow", "I1", summary="one ref t-1").opens_case("snow", "I1")
    world.says("snow", "I1", "hello")
    assert passes(world).held == 1


def test_a_lossy_target_is_in_step() -> None:
    long = "a very long summary that does not fit, ref t-1, because it has more letters than sixty"
    world = pair().human("snow", "I1", summary=long)
    passes(world.gateway("jira", "J1", summary=long[:60]))


def test_two_states_that_are_one_on_the_other_side_are_in_step() -> None:
    world = pair().human("snow", "I1", status="6").gateway("jira", "J1", status="Done")
    passes(world.human("snow", "I1", status="7"))


def test_empty_and_missing_are_the_same() -> None:
    world = pair().human("snow", "I1", description="").gateway("jira", "J1", description=None)
    passes(world)


def test_a_field_that_the_create_did_not_name_may_be_edited_later() -> None:
    world = World().human("snow", "I1", summary="a ref t-1").gateway("jira", "J1", summary="a ref t-1")
    passes(world.human("snow", "I1", description="b").gateway("jira", "J1", description="b"))


def test_a_default_of_the_partner_is_nobodys_edit() -> None:
    world = World().human("snow", "I1", summary="a ref t-1", priority="3")
    passes(world.gateway("jira", "J1", summary="a ref t-1", priority="Medium"))


def test_a_field_that_is_only_read_need_not_come_back() -> None:
    world = pair().human("snow", "I1", team="network").gateway("jira", "J1", team="network")
    world.human("jira", "J1", team="desktop")
    world.raws["jira", "J1"]["team"] = "network"
    passes(world)


def test_an_edit_taken_back_before_anybody_looked_is_no_edit() -> None:
    world = pair().human("jira", "J1", priority="Highest").human("snow", "I1", priority="5")
    world.human("jira", "J1", priority="Medium").gateway("jira", "J1", priority="Lowest")
    assert passes(world).net_zero == 1


def test_an_edit_taken_back_stays_none_when_the_same_value_is_typed_much_later() -> None:
    # What is carried then was typed then. Would the later write count, the edit between would look lost.
    world = pair().human("jira", "J1", priority="Highest").human("snow", "I1", priority="5")
    world.human("jira", "J1", priority="Medium").gateway("jira", "J1", priority="Lowest")
    world.human("jira", "J1", priority="Highest").gateway("snow", "I1", priority="1")
    assert passes(world).net_zero == 1


def test_an_edit_taken_back_stays_none_although_the_same_value_lost_before_it() -> None:
    # What went to the ledger before the edit tells nothing of it.
    world = (
        pair()
        .human("jira", "J1", status="Doing")
        .human("snow", "I1", status="6")
        .loses("jira", "J1", "status", "working")
    )
    world.human("jira", "J1", status="Review").human("jira", "J1", status="Doing")
    assert passes(world.gateway("jira", "J1", status="Done")).net_zero == 1


def test_a_label_put_on_and_taken_off_before_anybody_looked_leaves_the_other_sides_alone() -> None:
    world = pair().human("jira", "J1", labels=["hall", "fire"]).human("snow", "I1", labels=["hall", "fire"])
    world.human("jira", "J1", labels=["hall"]).gateway("jira", "J1", labels=["fire", "hall"])
    assert passes(world).net_zero == 1


def test_labels_unite() -> None:
    world = pair().human("snow", "I1", labels=["hall", "fire"]).human("jira", "J1", labels=["hall", "smoke"])
    world.gateway("jira", "J1", labels=["fire", "hall", "smoke"])
    passes(world.gateway("snow", "I1", labels=["fire", "hall", "smoke"]))


def test_a_label_taken_out_stays_out() -> None:
    world = pair().human("jira", "J1", labels=[]).human("snow", "I1", labels=["fire", "hall"])
    passes(world.gateway("snow", "I1", labels=["fire"]).gateway("jira", "J1", labels=["fire"]))


def test_a_label_that_the_target_writes_in_small_letters_has_arrived() -> None:
    world = pair().human("snow", "I1", labels=["hall", "VPN"])
    passes(world.gateway("jira", "J1", labels=["hall", "vpn"]))


def test_a_status_takes_its_steps() -> None:
    passes(
        pair()
        .human("snow", "I1", status="6")
        .gateway("jira", "J1", status="Doing")
        .gateway("jira", "J1", status="Done")
    )


def test_a_status_is_moved_on_by_a_person_half_way() -> None:
    world = (
        pair().human("snow", "I1", status="6").gateway("jira", "J1", status="Doing").human("jira", "J1", status="Hold")
    )
    passes(world.loses("snow", "I1", "status", "done").gateway("snow", "I1", status="3"))


def test_a_status_changes_its_goal_half_way() -> None:
    world = pair().human("snow", "I1", status="3").human("snow", "I1", status="6")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Hold").gateway(
        "jira", "J1", status="Doing"
    )
    world.human("snow", "I1", status="1")
    passes(world.gateway("jira", "J1", status="To Do"))


def test_a_path_is_left_unfinished_for_a_later_edit() -> None:
    world = pair().human("snow", "I1", status="3").human("snow", "I1", status="6")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Review")
    world.human("snow", "I1", status="3")
    passes(world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Hold"))


def test_a_status_goes_to_and_fro_with_its_edits() -> None:
    world = pair()
    for _ in range(3):
        world.human("snow", "I1", status="6").gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Done")
        world.human("snow", "I1", status="1").gateway("jira", "J1", status="Doing").gateway(
            "jira", "J1", status="To Do"
        )
    passes(world)


def test_a_resolution_that_comes_with_a_status_is_lost_with_it() -> None:
    world = pair().human("snow", "I1", status="6", resolution="fixed").human("jira", "J1", status="Hold")
    world.loses("snow", "I1", "status", "done").gateway("snow", "I1", status="3", resolution=None)
    passes(world)


def test_a_resolution_left_on_a_reopened_ticket_means_nothing() -> None:
    world = pair().human("snow", "I1", status="6", resolution="fixed")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Done", resolution="fixed")
    world.human("snow", "I1", status="2").gateway("jira", "J1", status="Doing", resolution=None)
    passes(world)


def test_queued_edits_arrive_in_order_after_an_outage() -> None:
    world = pair()
    for code in ("1", "5", "3", "1"):
        world.human("snow", "I1", priority=code)
    for name in ("Highest", "Lowest", "Medium", "Highest"):
        world.gateway("jira", "J1", priority=name)
    passes(world)


def test_an_equal_edit_in_a_queue_may_be_passed_over() -> None:
    world = pair().human("snow", "I1", priority="1").human("snow", "I1", priority="3").human("snow", "I1", priority="5")
    passes(world.gateway("jira", "J1", priority="Lowest"))


def test_the_same_value_may_be_written_again_after_a_lost_conflict() -> None:
    world = pair().human("snow", "I1", priority="1").gateway("jira", "J1", priority="Highest")
    world.human("jira", "J1", priority="Lowest").loses("jira", "J1", "priority", "planning")
    passes(world.gateway("jira", "J1", priority="Highest"))


def test_the_gateway_may_put_back_what_the_targets_own_people_typed_last() -> None:
    world = pair().human("snow", "I1", priority="1").gateway("jira", "J1", priority="Highest")
    world.human("snow", "I1", priority="5").gateway("jira", "J1", priority="Lowest")
    world.human("jira", "J1", priority="Highest").gateway("snow", "I1", priority="1")
    # An attempt that was taken for lost lands late, and is written over.
    world.gateway("jira", "J1", priority="Lowest").gateway("jira", "J1", priority="Highest")
    passes(world)


def test_a_state_may_be_put_back_too() -> None:
    world = pair().human("snow", "I1", status="3").gateway("jira", "J1", status="Doing")
    world.gateway("jira", "J1", status="Hold").human("snow", "I1", status="2").gateway("jira", "J1", status="Doing")
    world.human("jira", "J1", status="Hold").gateway("snow", "I1", status="3")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Hold")
    passes(world)


@pytest.mark.parametrize("body", ["hello\nworld", "Ann via snow:\nhello world\n[lockstep:snow:n1]"])
def test_a_comment_crosses_once(body: str) -> None:
    world = pair()
    origin = world.says("snow", "I1", "hello  world")
    world.copies("jira", "J1", body, origin)
    passes(world)


def test_a_copy_without_a_marker_is_known_by_its_text() -> None:
    world = pair()
    world.says("snow", "I1", "hello")
    world.says("snow", "I1", "hello again")
    world.copies("jira", "J1", "Ann: hello")
    world.copies("jira", "J1", "Ann: hello again")
    passes(world)


def test_each_system_has_its_own_note_of_a_hand_over() -> None:
    world = pair()
    world.copies("snow", "I1", "handed over from Ivy", "leaver:lo1", kind="work_notes")
    world.copies("jira", "J1", "handed over from Ivy", "leaver:lo2")
    assert world.broken() == []


def test_a_kind_of_comment_that_is_not_carried_stays_at_home() -> None:
    world = pair()
    world.says("snow", "I1", "internal", kind="work_note")
    passes(world)


def test_a_thing_that_a_person_deleted_is_no_record() -> None:
    world = pair().human("snow", "I1", summary="never carried ref t-1").delete("snow", "I1")
    passes(world, records=0)


def test_a_write_that_changes_nothing_is_no_edit() -> None:
    passes(pair().human("snow", "I1", priority="3").gateway("jira", "J1", priority="Medium"))


def test_an_object_from_before_the_log_is_a_persons() -> None:
    world = pair()
    world.logs["snow"].clear()
    world.human("snow", "I1", priority="1").gateway("jira", "J1", priority="Highest")
    passes(world)


def test_a_record_need_not_be_where_records_only_begin() -> None:
    passes(pair())
    passes(case_of_a_customer())


def test_what_one_of_three_says_reaches_both_others() -> None:
    world = case_of_a_customer().human("snow", "I1", status="6", resolution="solved")
    world.gateway("jira", "J1", status="Doing").gateway("jira", "J1", status="Done", resolution="solved")
    origin = world.gateway("crm", "C1", status="Closed").says("jira", "J1", "sent")
    world.copies("snow", "I1", "sent", origin)
    world.copies("crm", "C1", "[dev] sent", origin)
    passes(world)


def test_a_value_may_come_back_from_another_system_than_the_one_that_left_it() -> None:
    world = case_of_a_customer().human("crm", "C1", summary="two ref t-1")
    world.gateway("snow", "I1", summary="two ref t-1").gateway("jira", "J1", summary="two ref t-1")
    world.human("snow", "I1", summary="invoice ref t-1")
    passes(world.gateway("jira", "J1", summary="invoice ref t-1").gateway("crm", "C1", summary="invoice ref t-1"))
