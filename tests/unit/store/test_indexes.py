"""The structures behind a table's keys, alone."""

from qsdb.store.indexes import TOP, HashIndex


def test_top_is_above_everything() -> None:
    values: list[object] = [None, 0, "z", b"\xff", (1,), float("inf")]
    for value in values:
        assert value < TOP
        assert not value > TOP
        below: tuple[object, ...] = (value,)
        above: tuple[object, ...] = (TOP,)
        assert below < above
    assert not TOP > TOP


def test_entering_a_row_twice_in_a_hash_index_is_entering_it_once() -> None:
    index = HashIndex(lambda row: row[0], lambda row: row[1])
    index.add((1, "a"))
    index.add((1, "a"))
    assert index.keys_equal("a") == [1]

    index.add((2, "a"))
    index.add((2, "a"))
    assert index.keys_equal("a") == [1, 2]
