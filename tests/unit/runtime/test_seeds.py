"""Seeds: one for each call, made from the database's and the call's number."""

import pytest

from qsdb.runtime.seeds import Seeds


def test_seeds_are_reproducible() -> None:
    assert [Seeds(7).of_call(n) for n in range(9)] == [
        Seeds(7).of_call(n) for n in range(9)
    ]


def test_each_call_has_a_seed_of_its_own() -> None:
    seeds = Seeds(0)

    assert len({seeds.of_call(number) for number in range(10_000)}) == 10_000


def test_databases_with_other_seeds_have_other_seeds() -> None:
    assert len({Seeds(base).of_call(1) for base in range(10_000)}) == 10_000


@pytest.mark.parametrize("base", [0, 1, -1, (1 << 64) - 1, 1 << 200, -(1 << 200)])
@pytest.mark.parametrize("number", [0, 1, 1 << 63, 1 << 70])
def test_a_seed_has_64_bits(base: int, number: int) -> None:
    assert 0 <= Seeds(base).of_call(number) < 1 << 64


def test_neighbours_look_unrelated() -> None:
    seeds = Seeds(1)
    differing = [
        (seeds.of_call(number) ^ seeds.of_call(number + 1)).bit_count()
        for number in range(1000)
    ]

    assert 31 < sum(differing) / len(differing) < 33


def test_without_a_base_no_two_are_alike() -> None:
    assert Seeds(None).base != Seeds(None).base
    assert 0 <= Seeds(None).base < 1 << 64


def test_seeds_stay_as_they_are() -> None:
    # Replaying a call needs its seed for ever: the numbers are part of the format.
    assert [Seeds(0).of_call(n) for n in (0, 1, 2)] == [
        0x0000000000000000,
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
    ]
