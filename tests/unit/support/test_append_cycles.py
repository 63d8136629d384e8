"""The search for cycles finds those that are planted, and allows what it should."""

from collections.abc import Mapping

from tests.support.append_cycles import Appending, cycle_faults

ONE = Appending(0, {1: ()}, {1: (100,)})
TWO = Appending(1, {1: (100,)}, {2: (200,)})


def found(
    *committed: Appending, last: Mapping[int, tuple[int, ...]], snapshot: bool = False
) -> str:
    return " ".join(cycle_faults(committed, last, snapshot=snapshot))


def test_one_after_the_other() -> None:
    assert found(ONE, TWO, last={1: (100,), 2: (200,)}) == ""


def test_write_skew_is_a_ring_of_two_that_read_the_past() -> None:
    left = Appending(0, {1: (), 2: ()}, {1: (100,)})
    right = Appending(1, {1: (), 2: ()}, {2: (200,)})
    last = {1: (100,), 2: (200,)}

    assert "come before each other: 0, 1" in found(left, right, last=last)
    assert found(left, right, last=last, snapshot=True) == ""


def test_a_lost_update_is_a_ring_at_each_level() -> None:
    left = Appending(0, {1: ()}, {1: (100,)})
    right = Appending(1, {1: ()}, {1: (200,)})
    last = {1: (100, 200)}

    for snapshot in (False, True):
        assert "come before each other" in found(
            left, right, last=last, snapshot=snapshot
        )


def test_circular_flow_is_a_ring_at_each_level() -> None:
    left = Appending(0, {2: (200,)}, {1: (100,)})
    right = Appending(1, {1: (100,)}, {2: (200,)})
    last = {1: (100,), 2: (200,)}

    for snapshot in (False, True):
        assert "come before each other" in found(
            left, right, last=last, snapshot=snapshot
        )


def test_own_appends_are_no_ring() -> None:
    twice = Appending(0, {1: ()}, {1: (100, 101)})

    assert found(twice, last={1: (100, 101)}) == ""


def test_what_cannot_be_in_a_list() -> None:
    assert "appended twice" in found(ONE, last={1: (100, 100)})
    assert "nobody who committed has appended [7]" in found(ONE, last={1: (100, 7)})
    assert "is nowhere: [100]" in found(ONE, last={1: ()})
    late = Appending(1, {1: (200,)}, {2: (200,)})
    assert "no beginning of 1" in found(ONE, late, last={1: (100,), 2: (200,)})
