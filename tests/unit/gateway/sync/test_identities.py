"""One person, however the names are spelled."""

from __future__ import annotations

import pytest

from gateway.sync.identities import Known, identity


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ADA@EXAMPLE.COM", "ada@example.com"),
        (" ada@example.com ", "ada@example.com"),
        ("mailto:ada@example.com", "ada@example.com"),
        ("\uff41\uff44\uff41@example.com", "ada@example.com"),
        ("J\u00f6rg@example.com", "jo\u0308rg@example.com"),
        ("STRASSE@example.com", "stra\u00dfe@example.com"),
        ("ada@b\u00fccher.example", "ADA@xn--bcher-kva.example"),
        ("ada@example.com.", "ada@example.com"),
    ],
)
def test_an_address_is_the_same_however_it_is_spelled(typed: str, meant: str) -> None:
    assert identity(Known.EMAIL, typed) == identity(Known.EMAIL, meant) is not None


@pytest.mark.parametrize("typed", ["", "  ", None, "ada", "@example.com", "ada@", ["ada@example.com"], True, "a" * 400])
def test_what_names_nobody_is_no_address(typed: object) -> None:
    assert identity(Known.EMAIL, typed) is None


def test_ids_of_accounts_differ_by_letter_case_and_by_system() -> None:
    one = identity(Known.ACCOUNT, "0058d000001XyZa", "crm")
    assert one is not None
    assert one != identity(Known.ACCOUNT, "0058d000001xyza", "crm")
    assert one != identity(Known.ACCOUNT, "0058d000001XyZa", "crm-test")
    assert identity(Known.ACCOUNT, 17, "hub") == identity(Known.ACCOUNT, "17", "hub")
    assert identity(Known.LOGIN, "Ada", "hub") == identity(Known.LOGIN, "ADA", "hub")
