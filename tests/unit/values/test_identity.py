"""Identities and connection ids: forms, order, and derivation from claims."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.values.identity import CLAIM_BYTES_MAX, ConnectionId, Identity

ALICE = "c200b9322c6915549469768188dc0cc6ce60fdbd63823b801c6ace9666085d28"

raw_identities = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(
    ("issuer", "subject", "text"),
    [
        (
            "localhost",
            "00000000-0000-4000-8000-000000000000",
            "c200085d8c451325cc207f963918b762072fff5388fca7006b89f4a2a7d3ee5e",
        ),
        ("https://example.com", "alice", ALICE),
        (
            "https://accounts.google.com",
            "1234567890",
            "c20056e94a84157cb41d3a6b5db9a7f25fd307ac24adc09a989ac1843bd75c5e",
        ),
    ],
)
def test_claims_give_the_identity_that_spacetimedb_gives(
    issuer: str, subject: str, text: str
) -> None:
    identity = Identity.from_claims(issuer, subject)

    assert identity.to_hex() == text


def test_the_bar_in_a_claim_is_not_escaped() -> None:
    assert Identity.from_claims("a|b", "c") == Identity.from_claims("a", "b|c")


def test_longest_claims_are_taken() -> None:
    claim = "é" * (CLAIM_BYTES_MAX // 2)

    identity = Identity.from_claims(claim, claim)

    assert identity.to_hex().startswith("c200")


@pytest.mark.parametrize("claim", ["", "x" * 129, "é" * 64 + "x"])
def test_claims_of_a_wrong_length_are_refused_with_the_bound(claim: str) -> None:
    size = len(claim.encode())

    with pytest.raises(ValueError, match=f"issuer must have 1 to 128 .* has {size}$"):
        Identity.from_claims(claim, "x")
    with pytest.raises(ValueError, match=f"subject must have 1 to 128 .* has {size}$"):
        Identity.from_claims("x", claim)


def test_claims_that_are_no_unicode_are_refused() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        Identity.from_claims("\ud800", "x")


def test_claims_that_are_no_text_are_refused() -> None:
    number: Any = 5

    with pytest.raises(TypeError, match="subject must be a str, not 5"):
        Identity.from_claims("x", number)


def test_all_forms_give_the_same_identity_back() -> None:
    identity = Identity.from_hex(ALICE)

    assert identity.to_hex() == str(identity) == ALICE
    assert bytes(identity) == identity.stored == bytes.fromhex(ALICE)
    assert Identity.from_bytes(bytes(identity)) == identity
    assert repr(identity) == f"Identity.from_hex('{ALICE}')"


def test_upper_case_hex_is_read() -> None:
    assert Identity.from_hex(ALICE.upper()) == Identity.from_hex(ALICE)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(ALICE[:-2], id="too short"),
        pytest.param(ALICE + "00", id="too long"),
        pytest.param(ALICE[:-1], id="odd"),
        pytest.param(ALICE[:-1] + "g", id="no digit"),
        pytest.param("0x" + ALICE[2:], id="prefix"),
        pytest.param(ALICE[:62] + "  ", id="blanks for digits"),
        pytest.param(ALICE + " ", id="blank after"),
        pytest.param(ALICE[:-2] + "\u0660\u0660", id="digits that are not ASCII"),
    ],
)
def test_text_that_is_not_the_hex_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the hex form of an Identity, which has"):
        Identity.from_hex(text)


def test_long_text_is_cut_in_the_message() -> None:
    with pytest.raises(ValueError, match="not the hex form") as caught:
        Identity.from_hex("0" * 10_000)

    assert len(str(caught.value)) < 300


def test_hex_that_is_no_str_is_refused() -> None:
    data: Any = ALICE.encode()

    with pytest.raises(TypeError, match="a str as hex form, not b'c200"):
        Identity.from_hex(data)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_bytes_of_every_sort_are_taken_and_kept_as_bytes(wrap: Any) -> None:
    identity = Identity.from_bytes(wrap(bytes.fromhex(ALICE)))

    assert type(identity.stored) is bytes
    assert identity.to_hex() == ALICE


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_bytes_of_a_wrong_length_are_refused_with_the_bound(size: int) -> None:
    with pytest.raises(ValueError, match=f"a ConnectionId has 16 bytes, not {size}"):
        ConnectionId.from_bytes(bytes(size))


@pytest.mark.parametrize("data", [16, "x" * 16, None, [0] * 16])
def test_what_is_no_bytes_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match="a ConnectionId is made of bytes, not of"):
        ConnectionId.from_bytes(data)


def test_zero_is_all_zeros() -> None:
    assert bytes(Identity.ZERO) == bytes(32)
    assert bytes(ConnectionId.ZERO) == bytes(16)


@given(raw_identities)
def test_hex_is_read_back(raw: bytes) -> None:
    identity = Identity.from_bytes(raw)

    assert Identity.from_hex(identity.to_hex()) == identity


@given(raw_identities, raw_identities)
def test_order_is_numeric(first: bytes, second: bytes) -> None:
    is_less = int.from_bytes(first, "big") < int.from_bytes(second, "big")

    assert (Identity.from_bytes(first) < Identity.from_bytes(second)) == is_less
