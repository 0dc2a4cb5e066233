"""What is told of a group, look by look."""

from __future__ import annotations

from gateway.notify.threads import CALM_S, Group, Thread, news_of, news_of_none

T0 = 1_700_000_000.0


def group(count: int = 1, *, due_at: float = 0.0, warn_at: float = 0.0, came_back: bool = False) -> Group:
    return Group(
        key="g",
        count=count,
        first=17,
        first_seen=T0,
        priority=20,
        due_at=due_at,
        warn_at=warn_at,
        came_back=came_back,
    )


class Story:
    """A thread, look after look."""

    def __init__(self) -> None:
        self.thread = Thread(subject="th1", key="g")
        self.now = T0

    def look(self, seen: Group | None, *, after_s: float = 5.0, escalations: int = 0) -> list[str]:
        self.now += after_s
        if seen is None:
            self.thread, news = news_of_none(self.thread, self.now)
        else:
            self.thread, news = news_of(self.thread, seen, escalations, self.now)
        # As the outbox does: an event moves the sequence.
        sequence = self.thread.sequence + len(news)
        self.thread = Thread(**{f: getattr(self.thread, f) for f in Thread.__struct_fields__} | {"sequence": sequence})
        return [str(kind) for kind in news]


def test_one_event_for_a_group_and_one_for_each_doubling_from_ten_on() -> None:
    story = Story()
    told = [(count, story.look(group(count))) for count in range(1, 301)]
    assert [(count, news) for count, news in told if news] == [
        (1, ["opened"]),
        (10, ["growing"]),
        (20, ["growing"]),
        (40, ["growing"]),
        (80, ["growing"]),
        (160, ["growing"]),
    ]


def test_a_burst_between_two_looks_is_one_event() -> None:
    story = Story()
    assert story.look(group(300)) == ["opened"]
    assert story.look(group(599)) == []
    assert story.look(group(600)) == ["growing"]


def test_a_group_that_shrank_does_not_grow_again_before_it_is_larger_than_told() -> None:
    story = Story()
    story.look(group(40))
    assert story.look(group(3)) == []
    assert story.look(group(79)) == []


def test_recovered_is_told_once_it_is_calm() -> None:
    story = Story()
    story.look(group(3))
    assert story.look(None) == []
    assert story.look(None, after_s=CALM_S - 1) == []
    assert story.look(None, after_s=1) == ["recovered"]
    assert story.look(None) == []


def test_cases_that_come_and_go_are_one_trouble() -> None:
    story = Story()
    story.look(group(1))
    for _ in range(20):
        assert story.look(None) == []
        assert story.look(group(1)) == []


def test_what_recovered_and_is_there_again_came_back_and_grows_anew() -> None:
    story = Story()
    story.look(group(50))
    story.look(None)
    story.look(None, after_s=CALM_S)
    assert story.look(group(1)) == ["came_back"]
    assert story.look(group(10)) == ["growing"]


def test_what_a_person_had_closed_before_anything_was_told_came_back() -> None:
    assert Story().look(group(1, came_back=True)) == ["came_back"]


def test_the_due_time_is_told_when_it_is_near_and_when_it_is_missed() -> None:
    story, due = Story(), T0 + 3600
    seen = group(1, due_at=due, warn_at=due - 600)
    assert story.look(seen) == ["opened"]
    assert story.look(seen, after_s=2990) == []
    assert story.look(seen) == ["sla_near"]
    assert story.look(seen) == []
    assert story.look(seen, after_s=600) == ["sla_missed"]
    assert story.look(seen, after_s=6000) == []


def test_three_hundred_that_become_overdue_one_after_the_other_are_told_once() -> None:
    story = Story()
    told: list[str] = []
    for index in range(300):
        # The most overdue one is closed at each look; the next is near, or overdue too.
        due = story.now + (3 if index % 2 else -3)
        told += story.look(group(300 - index, due_at=due, warn_at=due - 600))
    assert told == ["opened", "sla_missed"]


def test_once_none_is_near_any_more_the_next_is_told_again() -> None:
    story = Story()
    story.look(group(2, due_at=T0 + 1, warn_at=T0))
    assert story.look(group(1, due_at=T0 + 9000, warn_at=T0 + 8000)) == []
    assert story.look(group(1, due_at=T0 + 9000, warn_at=T0 + 8000), after_s=8000) == ["sla_near"]


def test_found_late_it_is_told_as_missed_not_as_near() -> None:
    assert Story().look(group(1, due_at=T0 - 1, warn_at=T0 - 100)) == ["opened", "sla_missed"]


def test_each_look_tells_of_escalations_once_however_many() -> None:
    story = Story()
    story.look(group(1))
    assert story.look(group(1), escalations=3) == ["escalated"]
    assert story.look(group(1)) == []
