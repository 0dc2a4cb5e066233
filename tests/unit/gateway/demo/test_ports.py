"""Whose port is whose: nobody in a demo gets that of another, whatever chance draws."""

from __future__ import annotations

from random import Random
from typing import cast

from gateway.demo.children import free_port
from gateway.demo.plan import Plan
from gateway.demo.processes import ports_of
from gateway.demo.stand_ins import OTHERS, SYSTEMS


class Drawn:
    """Draws these, then the last one again and again."""

    def __init__(self, *drawn: int) -> None:
        self.drawn = list(drawn)

    def choice(self, _: range) -> int:
        return self.drawn.pop(0) if len(self.drawn) > 1 else self.drawn[0]


def drawn(*ports: int) -> Random:
    return cast(Random, Drawn(*ports))


def test_no_port_is_given_twice() -> None:
    ports, gateway = ports_of(Plan(), drawn(free_port(Random(), 6)))
    assert len({*ports.values(), gateway}) == len(SYSTEMS) + 1
    assert [ports[name] - ports[OTHERS[0]] for name in OTHERS] == list(range(len(OTHERS)))


def test_the_port_that_was_asked_for_is_the_gateways_alone() -> None:
    first = free_port(Random(), 20)
    ports, gateway = ports_of(Plan(port=first + 3), drawn(first, first + 10))
    assert gateway == first + 3
    assert gateway not in ports.values()
