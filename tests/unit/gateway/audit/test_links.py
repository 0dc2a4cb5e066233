"""The format of the chain: vectors made once, by hand, with nothing of ours. It never changes (ADR 221)."""

from __future__ import annotations

import json
from hashlib import sha256

from gateway.audit.links import (
    FIELDS,
    GENESIS,
    checkpoint_message,
    digest,
    floor_message,
    head_message,
    key_message,
    link,
)

ENTRY = {
    "seq": 1,
    "id": "au01hf7yatnvdyg7hvx7vkrbn9nn",
    "at": 1763797225.25,
    "kind": "case_discarded",
    "record": None,
    "connection": "snow",
    "actor": "Zoë",
    "cause": "FO-17",
    "digest": "ab" * 32,
    "outcome": "",
    "closes": None,
    "risk": 4,
}


def test_a_link_is_the_digest_of_a_compact_json_array() -> None:
    text = json.dumps([1, *ENTRY.values()], separators=(",", ":"), ensure_ascii=False)
    assert tuple(ENTRY) == FIELDS
    assert link(GENESIS, list(ENTRY.values())) == sha256((GENESIS + text).encode()).hexdigest()
    assert link(GENESIS, list(ENTRY.values())) == "3d25455631641ea92f5229109db3f0c77c7bdbae63122a2d1d7b73accc0a1c63"


def test_a_detail_is_bound_by_its_salted_digest() -> None:
    assert digest("0f" * 16, '{"a":"ü"}') == sha256(("0f" * 16 + '{"a":"ü"}').encode()).hexdigest()


def test_what_is_signed_never_means_two_things() -> None:
    link_ = "cd" * 32
    assert head_message(7, link_) == f"lockstep-audit-head-1\n7\n{link_}".encode()
    assert checkpoint_message(7, link_, 2.5) == f"lockstep-audit-checkpoint-1\n7\n{link_}\n2.5".encode()
    assert floor_message(7, link_, 2.5) == f"lockstep-audit-floor-1\n7\n{link_}\n2.5".encode()
    assert key_message("AAAA", 7) == b"lockstep-audit-key-1\nAAAA\n7"
