"""The mappings the demo's flow uses, as the judge needs them."""

from __future__ import annotations

from itertools import permutations

from gateway.demo.stand_ins import JIRA, SNOW
from mappings.compiler import CompiledMapping
from mappings.loader import load_mapping

MAPPINGS = {SNOW: "servicenow-incident", JIRA: "jira-issue"}


def load_terms() -> dict[str, CompiledMapping]:
    """Per connection, the library's mapping."""
    return {connection: load_mapping(name) for connection, name in MAPPINGS.items()}


def carried_comments(terms: dict[str, CompiledMapping]) -> dict[str, frozenset[str]]:
    """Per connection, the kinds of comments that the mappings carry over to another one."""
    kinds: dict[str, set[str]] = {connection: set() for connection in terms}
    for source, target in permutations(terms, 2):
        inward, outward = terms[source].items, terms[target].items
        if inward is not None and outward is not None:
            kinds[source] |= {
                kind for kind, meaning in inward.inward.items() if meaning and outward.outward.get(meaning)
            }
    return {connection: frozenset(found) for connection, found in kinds.items()}
