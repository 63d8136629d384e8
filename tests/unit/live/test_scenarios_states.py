"""Live queries of several parts: what a subscriber must be told (S19 to S29)."""

import math
from typing import Any

import pytest

import qsdb
from qsdb.live.states.heads import SPARE, IndexedWindow
from tests.unit.live.scenes import Ear, Guild, Odd, Player, engine_of, opened, put

Row = tuple[Any, ...]
Heard = list[tuple[list[Row], list[Row]]]


def heard(ear: Ear) -> Heard:
    """Give what was told, as plain tuples in some order."""
    return [
        (sorted(map(tuple, came), key=repr), sorted(map(tuple, went), key=repr))
        for came, went in ear.heard()
    ]


def rows(ear: Ear) -> list[Row]:
    """Give the result now, as plain tuples."""
    return [tuple(each) for each in ear.query.rows]


def remove(db: qsdb.Database, *keys: int) -> None:
    """Delete players in one transaction."""
    with db.write() as tx:
        for key in keys:
            tx[Player].delete_by_key(key)


# S19, S20: who has partners, and who has none.

LEFT = "SELECT g.id, p.id AS member FROM guild g LEFT JOIN player p ON p.g = g.id"


def test_a_partner_that_comes_and_goes_in_one_commit_is_nothing() -> None:
    db = opened(Guild(1))
    ear = Ear(db, LEFT)
    assert rows(ear) == [(1, None)]

    with db.write() as tx:
        tx[Player].insert(Player(1, g=1))
        tx[Player].delete_by_key(1)
        tx[Guild].update(Guild(1, own=7))
    assert heard(ear) == []


def test_the_row_of_nothing_stands_in_once() -> None:
    db = opened(Guild(1))
    ear = Ear(db, LEFT)

    put(db, Player(1, g=1), Player(2, g=1))
    assert heard(ear) == [([(1, 1), (1, 2)], [(1, None)])]
    remove(db, 1)
    assert heard(ear) == [([], [(1, 1)])]
    remove(db, 2)
    assert heard(ear) == [([(1, None)], [(1, 2)])]


def test_a_row_with_null_joins_nothing() -> None:
    db = opened(Guild(1))
    ear = Ear(db, LEFT)

    put(db, Player(1, g=None))
    assert heard(ear) == []


def test_both_sides_of_a_left_join_change_at_once() -> None:
    db = opened(Guild(1), Player(1, g=1))
    ear = Ear(db, LEFT)

    with db.write() as tx:
        tx[Guild].delete_by_key(1)
        tx[Guild].insert(Guild(2))
        tx[Player].update(Player(1, g=2))

    assert heard(ear) == [([(2, 1)], [(1, 1)])]


def test_what_is_said_behind_a_left_join() -> None:
    db = opened(Guild(1), Guild(2), Player(1, g=1))
    ear = Ear(db, f"{LEFT} AND p.lvl > 3 WHERE g.kind = 0 AND p.name IS NULL")
    assert rows(ear) == [(1, None), (2, None)]

    put(db, Player(1, g=1, lvl=4))
    assert heard(ear) == [([], [(1, None)])]
    put(db, Guild(2, kind=1))
    assert heard(ear) == [([], [(2, None)])]


def test_what_on_says_tells_left_joins_apart() -> None:
    db = opened(Guild(1), Player(1, g=1, lvl=5))
    texts = [f"{LEFT} AND p.lvl {test}" for test in ("> 4", "> 5", "< 5", "= g.own")]
    ears = [Ear(db, each) for each in texts]
    assert [rows(each)[0][1] for each in ears] == [1, None, None, None]
    assert engine_of(db).sizes["templates"] == 3

    put(db, Player(1, g=1, lvl=6))
    assert [len(heard(each)) for each in ears] == [0, 1, 0, 0]


def test_two_left_joins_and_a_join_of_a_table_with_itself() -> None:
    db = opened(Guild(1), Player(1, g=1), Player(2, g=1))
    ear = Ear(
        db,
        "SELECT a.id, b.id AS other, g.own FROM player a LEFT JOIN player b "
        "ON b.g = a.g AND b.id > a.id LEFT JOIN guild g ON g.id = a.g",
    )
    assert sorted(rows(ear)) == [(1, 2, 0), (2, None, 0)]

    with db.write() as tx:
        tx[Guild].delete_by_key(1)
        tx[Player].insert(Player(3, g=1))

    assert heard(ear) == [
        (
            [(1, 2, None), (1, 3, None), (2, 3, None), (3, None, None)],
            [(1, 2, 0), (2, None, 0)],
        )
    ]


EXISTS = "SELECT id FROM guild WHERE EXISTS (SELECT 1 FROM player WHERE g = guild.id)"


def test_only_the_first_partner_and_the_last_matter() -> None:
    db = opened(Guild(1), Player(1, g=1), Player(2, g=1))
    has = Ear(db, EXISTS)
    has_not = Ear(db, EXISTS.replace("EXISTS", "NOT EXISTS"))

    remove(db, 1)
    assert heard(has) == heard(has_not) == []
    remove(db, 2)
    assert heard(has) == [([], [(1,)])]
    assert heard(has_not) == [([(1,)], [])]
    put(db, Guild(2), Player(3, g=2))
    assert heard(has) == [([(2,)], [])]
    assert heard(has_not) == []


@pytest.mark.parametrize("chosen", ["p.id IN (1, 2, 3)", "p.g IN (1, 2, 3)"])
def test_partners_that_are_looked_up_by_several_values(chosen: str) -> None:
    """A row comes once, not once for each value."""
    db = opened(Guild(1), Player(1, g=1), Player(9, g=9))
    ear = Ear(
        db,
        "SELECT b.id AS b, p.id AS p FROM guild b CROSS JOIN player p "
        f"WHERE {chosen} AND NOT EXISTS (SELECT 1 FROM player WHERE lvl = b.id)",
    )

    put(db, Player(7, lvl=1))
    assert heard(ear) == [([], [(1, 1)])]
    remove(db, 7)
    assert heard(ear) == [([(1, 1)], [])]


def test_not_in_with_null_as_sql_has_it() -> None:
    db = opened(Guild(1), Guild(2))
    ear = Ear(db, "SELECT id FROM guild WHERE id NOT IN (SELECT g FROM player)")
    assert rows(ear) == [(1,), (2,)]

    put(db, Player(1, g=1))
    assert heard(ear) == [([], [(1,)])]
    put(db, Player(2, g=None))
    assert heard(ear) == [([], [(2,)])]
    remove(db, 1)
    assert heard(ear) == []
    remove(db, 2)
    assert heard(ear) == [([(1,), (2,)], [])]


@pytest.mark.parametrize("seven", ["7", ":seven"])
@pytest.mark.parametrize("more", ["", " WHERE lvl = 1", " WHERE lvl > 0"])
def test_what_is_no_column_is_not_in_with_null(seven: str, more: str) -> None:
    db = opened(Guild(1), Player(1, g=3, lvl=1))
    text = f"SELECT id FROM guild WHERE {seven} NOT IN (SELECT g FROM player{more})"
    ear = Ear(db, text, params={"seven": 7} if ":" in seven else {})

    put(db, Player(2, g=None, lvl=1))
    assert heard(ear) == [([], [(1,)])]
    put(db, Player(2, g=6, lvl=1))
    assert heard(ear) == [([(1,)], [])]
    put(db, Player(2, g=7, lvl=1))
    assert heard(ear) == [([], [(1,)])]
    remove(db, 2)
    assert heard(ear) == [([(1,)], [])]


HIGH = EXISTS.replace("guild.id", "guild.id AND lvl > 2")


@pytest.mark.parametrize("text", [EXISTS, HIGH])
def test_only_the_first_and_the_last_of_those_who_are_alike_are_told(text: str) -> None:
    db = opened(Guild(1), Guild(2))
    ear = Ear(db, text)

    put(db, Player(1, g=1, lvl=3), Player(2, g=1, lvl=4), Player(3, g=1))
    assert heard(ear) == [([(1,)], [])]
    put(db, Player(4, g=1, lvl=3), Player(5, g=2, lvl=3), Player(6, g=2, lvl=3))
    assert heard(ear) == [([(2,)], [])]
    put(db, Player(7, g=None, lvl=3), Player(5, g=1, lvl=3))
    assert heard(ear) == []
    put(db, Player(6, g=1, lvl=3), Player(3, g=2, lvl=3))
    assert heard(ear) == []
    for key in (1, 2, 4, 5):
        remove(db, key)
        assert heard(ear) == []
    remove(db, 6)
    assert heard(ear) == [([], [(1,)])]
    with db.write() as tx:
        tx[Player].clear()
    assert heard(ear) == [([], [(2,)])]


def test_who_is_more_than_another_is_found_without_an_index() -> None:
    text = "SELECT id FROM guild g WHERE EXISTS "
    text += "(SELECT 1 FROM guild h WHERE h.own > g.kind)"
    db = opened(Guild(1, kind=5))
    ear = Ear(db, text)
    assert engine_of(db).sizes["indexes"] == 0

    put(db, Guild(2, own=6, kind=9))
    assert heard(ear) == [([(1,)], [])]
    put(db, Guild(3, own=6, kind=9))
    assert heard(ear) == []
    put(db, Guild(2, own=5, kind=9), Guild(3, own=5, kind=9))
    assert heard(ear) == [([], [(1,)])]


def test_what_is_counted_of_those_who_have_none() -> None:
    db = opened(Guild(1), Guild(2))
    ear = Ear(
        db,
        "SELECT COUNT(*) FROM guild WHERE id NOT IN (SELECT g FROM player) "
        "AND (own = 0 OR EXISTS (SELECT 1 FROM player WHERE g = guild.own))",
    )
    [result] = engine_of(db).results
    kept: Any = result

    put(db, Player(1, g=1))
    assert heard(ear) == [([(1,)], [(2,)])]
    kept._is_current = False  # so it is asked how it was before the commit
    put(db, Guild(2, own=1), Player(1, g=None))
    assert heard(ear) == [([(0,)], [(1,)])]


def test_functions_and_cases() -> None:
    db = opened(Player(1, name="ann", lvl=3))
    ear = Ear(
        db,
        "SELECT UPPER(name) AS u, CASE WHEN lvl > 2 THEN 'high' ELSE "
        "COALESCE(name, '') END AS c FROM player WHERE LENGTH(name) < 4",
    )

    put(db, Player(1, name="bob", lvl=1), Player(2, name="carl"))

    assert heard(ear) == [([("BOB", "bob")], [("ANN", "high")])]


# S23: DISTINCT, and sets.


def test_distinct_tells_of_the_first_and_the_last() -> None:
    db = opened(Player(1, g=1), Player(2, g=1))
    ear = Ear(db, "SELECT DISTINCT g FROM player")

    remove(db, 1)
    assert heard(ear) == []
    put(db, Player(2, g=3))
    assert heard(ear) == [([(3,)], [(1,)])]


@pytest.mark.parametrize(
    ("operator", "first", "told"),
    [
        ("UNION", [(1,), (2,)], [([], [(2,)])]),
        ("UNION ALL", [(1,), (1,), (2,)], [([], [(2,)])]),
        ("INTERSECT", [(1,)], []),
        ("EXCEPT", [(2,)], [([], [(2,)])]),
        ("EXCEPT ALL", [(2,)], [([], [(2,)])]),
    ],
)
def test_set_operations(operator: str, first: list[Row], told: Heard) -> None:
    db = opened(Player(1, g=1), Player(2, g=2), Guild(1))
    ear = Ear(db, f"SELECT g FROM player {operator} SELECT id FROM guild")
    assert sorted(rows(ear)) == first

    remove(db, 2)
    assert heard(ear) == told


def test_a_row_that_goes_to_the_other_side() -> None:
    db = opened(Player(1, g=1))
    all_of_them = Ear(db, "SELECT g FROM player UNION ALL SELECT id FROM guild")
    once = Ear(db, "SELECT g FROM player UNION SELECT id FROM guild")

    with db.write() as tx:
        tx[Player].delete_by_key(1)
        tx[Guild].insert(Guild(1))

    assert heard(all_of_them) == heard(once) == []


# S24 to S27, S29: aggregates.

GROUPS = "SELECT g, COUNT(*) AS n, SUM(lvl) AS s FROM player GROUP BY g"


def test_a_group_of_one_row_goes_with_it() -> None:
    db = opened(Player(1, g=1, lvl=5))
    ear = Ear(db, GROUPS)
    assert rows(ear) == [(1, 1, 5)]

    remove(db, 1)
    assert heard(ear) == [([], [(1, 1, 5)])]
    assert rows(ear) == []


def test_a_row_that_moves_changes_two_groups() -> None:
    db = opened(Player(1, g=1, lvl=5), Player(2, g=2, lvl=6))
    ear = Ear(db, GROUPS)

    put(db, Player(1, g=2, lvl=5))
    assert heard(ear) == [([(2, 2, 11)], [(1, 1, 5), (2, 1, 6)])]


def test_a_sum_that_stays_is_not_told() -> None:
    db = opened(Player(1, g=1, lvl=5), Player(2, g=1, lvl=6))
    ear = Ear(db, GROUPS)

    put(db, Player(1, g=1, lvl=6), Player(2, g=1, lvl=5))
    put(db, Player(1, g=1, lvl=6, name="of no matter"))
    assert heard(ear) == []


def test_the_least_goes_while_another_is_there() -> None:
    db = opened(Player(1, lvl=1), Player(2, lvl=1), Player(3, lvl=7))
    ear = Ear(db, "SELECT MIN(lvl), MAX(lvl) AS m, AVG(lvl) AS a FROM player")

    remove(db, 1)
    assert heard(ear) == [([(1, 7, 4.0)], [(1, 7, 3.0)])]
    remove(db, 2)
    assert heard(ear) == [([(7, 7, 7.0)], [(1, 7, 4.0)])]


def test_of_nulls_alone_the_result_is_null() -> None:
    db = opened(Player(1, g=None))
    ear = Ear(
        db, "SELECT COUNT(*), COUNT(g) AS c, SUM(g) AS s, MIN(g) AS m FROM player"
    )

    assert rows(ear) == [(1, 0, None, None)]


def test_a_float_sum_does_not_drift() -> None:
    db = opened()
    ear = Ear(db, "SELECT SUM(number) FROM odd")
    numbers = [1e308, 1e308, -1e308, -1e308, 0.1]
    for key, number in enumerate(numbers):
        put(db, Odd(key, number))

    assert rows(ear) == [(0.1,)]
    assert heard(ear)[1] == ([(math.inf,)], [(1e308,)])
    with db.write() as tx:
        tx[Odd].delete_by_key(4)
    assert rows(ear) == [(0.0,)]


def test_of_an_empty_table_there_is_one_row() -> None:
    db = opened()
    ear = Ear(db, "SELECT COUNT(*) FROM player")
    assert rows(ear) == [(0,)]

    put(db, Player(1))
    assert heard(ear) == [([(1,)], [(0,)])]
    remove(db, 1)
    assert heard(ear) == [([(0,)], [(1,)])]


def test_having_is_crossed_both_ways_in_one_commit() -> None:
    db = opened(Player(1, g=1))
    ear = Ear(db, f"{GROUPS} HAVING COUNT(*) > 1")

    put(db, Player(2, g=1))
    assert heard(ear) == [([(1, 2, 0)], [])]
    with db.write() as tx:
        tx[Player].delete_by_key(2)
        tx[Player].insert(Player(3, g=1))
    assert heard(ear) == []
    remove(db, 3)
    assert heard(ear) == [([], [(1, 2, 0)])]


def test_rows_of_two_groups_may_cancel() -> None:
    db = opened(Player(1, g=1), Player(2, g=1), Player(3, g=2))
    ear = Ear(db, "SELECT COUNT(*) FROM player GROUP BY g")

    put(db, Player(2, g=2))
    assert heard(ear) == []


def test_groups_of_a_join() -> None:
    db = opened(Guild(1, kind=7), Guild(2, kind=7), Player(1, g=1), Player(2, g=2))
    ear = Ear(
        db,
        "SELECT g.kind, COUNT(*) AS n FROM player p JOIN guild g ON p.g = g.id "
        "WHERE p.lvl >= :least GROUP BY g.kind",
        params={"least": 0},
    )
    assert rows(ear) == [(7, 2)]

    put(db, Guild(2, kind=8), Player(3, g=2))
    assert heard(ear) == [([(7, 1), (8, 2)], [(7, 2)])]


# S28: windows.

BEST = "SELECT id FROM player ORDER BY lvl DESC LIMIT 3"


def patched(ear: Ear, before: list[Row]) -> list[Row]:
    """Give the list that the moves of all updates make of another one."""
    found = [*before]
    for update in ear.updates:
        for move in update.moves:
            if move.now is None:
                assert tuple(found[move.was]) == tuple(move.row)
                del found[move.was]
            else:
                found.insert(move.now, tuple(move.row))
    return found


def test_the_key_decides_between_equals() -> None:
    db = opened(*[Player(n, lvl=5) for n in (4, 2, 3, 1)])
    ear = Ear(db, BEST)
    assert rows(ear) == [(1,), (2,), (3,)]

    remove(db, 2)
    assert patched(ear, [(1,), (2,), (3,)]) == [(1,), (3,), (4,)] == rows(ear)
    assert heard(ear) == [([(4,)], [(2,)])]


def test_a_row_leaves_and_another_enters() -> None:
    db = opened(*[Player(n, lvl=n) for n in range(1, 6)])
    ear = Ear(db, BEST)
    assert rows(ear) == [(5,), (4,), (3,)]

    put(db, Player(5, lvl=0))
    assert heard(ear) == [([(2,)], [(5,)])]
    put(db, Player(1, lvl=0))
    assert heard(ear) == []
    with db.write() as tx:
        for n in (2, 3, 4):
            tx[Player].delete_by_key(n)
            tx[Player].insert(Player(n + 10, lvl=n))
    assert rows(ear) == [(14,), (13,), (12,)]
    assert heard(ear) == [([(12,), (13,), (14,)], [(2,), (3,), (4,)])]


def test_a_row_that_only_moves_is_told_by_its_places() -> None:
    db = opened(Player(1, lvl=3), Player(2, lvl=2))
    ear = Ear(db, BEST)

    put(db, Player(2, lvl=4))

    [update] = ear.updates
    assert (update.inserts, update.deletes) == ([], [])
    assert [(move.was, move.now) for move in update.moves] == [(1, None), (None, 0)]
    assert update
    assert rows(ear) == [(2,), (1,)]


def test_whole_rows_in_order() -> None:
    db = opened(*[Player(n, lvl=n) for n in range(5)])
    ear = Ear(db, "SELECT * FROM player ORDER BY lvl DESC LIMIT 2 OFFSET 1")
    assert ear.query.rows == [Player(3, lvl=3), Player(2, lvl=2)]

    put(db, Player(2, lvl=2, name="x"))
    assert ear.paired() == [[(Player(2, lvl=2), Player(2, lvl=2, name="x"))]]
    put(db, Player(0, lvl=9))
    assert ear.query.rows == [Player(4, lvl=4), Player(3, lvl=3)]
    [move, *_] = ear.updates[0].moves
    assert (move.row, move.was) == (Player(2, lvl=2, name="x"), 1)


@pytest.mark.parametrize(
    ("cut", "first", "then"),
    [
        ("LIMIT 0", [], []),
        ("LIMIT 9", [(1,), (2,)], [(0,), (1,), (2,)]),
        ("LIMIT 9 OFFSET 5", [], []),
        ("LIMIT 2 OFFSET 1", [(2,)], [(1,), (2,)]),
        ("", [(1,), (2,)], [(0,), (1,), (2,)]),
    ],
)
def test_windows_of_any_size(cut: str, first: list[Row], then: list[Row]) -> None:
    db = opened(Player(1), Player(2))
    ear = Ear(db, f"SELECT id FROM player ORDER BY id {cut}")
    assert rows(ear) == first

    put(db, Player(0))
    assert rows(ear) == then == patched(ear, first)


def test_a_window_whose_size_is_a_parameter() -> None:
    db = opened(*[Player(n) for n in range(5)])
    text = "SELECT id FROM player ORDER BY id LIMIT :n OFFSET :from"
    one, other = [Ear(db, text, params={"n": n, "from": n}) for n in (1, 2)]

    remove(db, 0)

    assert rows(one) == [(2,)]
    assert rows(other) == [(3,), (4,)]
    assert engine_of(db).sizes["templates"] == 1


def test_order_by_what_is_no_plain_number() -> None:
    db = opened(Odd(1, math.nan), Odd(2, None), Odd(3, 1.5))
    up = Ear(db, "SELECT id FROM odd ORDER BY number LIMIT 9")
    down = Ear(db, "SELECT id FROM odd ORDER BY number DESC, text DESC LIMIT 9")

    put(db, Odd(4, math.inf), Odd(5, math.nan))

    assert rows(up) == [(3,), (4,), (1,), (5,), (2,)]
    assert rows(down) == [(2,), (1,), (5,), (4,), (3,)]


@pytest.mark.parametrize("direction", ["", " DESC"])
def test_an_index_has_what_is_behind_a_window(direction: str) -> None:
    db = opened(*[Player(n, g=n // 3, name="x" * (n % 2)) for n in range(90)])
    text = f"SELECT id FROM player WHERE name = '' ORDER BY g{direction} LIMIT 3"
    ear = Ear(db, text)
    [result] = engine_of(db).results
    kept: Any = result
    window = kept._root._source._window
    assert isinstance(window, IndexedWindow)

    for n in range(88):
        remove(db, n if direction == "" else 89 - n)
        assert rows(ear) == [tuple(each) for each in db.sql(text)]
        assert len(window) <= 4 + 2 * SPARE
    assert len(ear.heard()) == 44


def test_a_bag_in_order() -> None:
    db = opened(Player(1, g=1), Player(2, g=1), Guild(1), Guild(2))
    ear = Ear(
        db, "SELECT g FROM player UNION ALL SELECT id FROM guild ORDER BY g LIMIT 3"
    )
    assert rows(ear) == [(1,), (1,), (1,)]

    remove(db, 1)
    assert heard(ear) == [([(2,)], [(1,)])]
    put(db, Player(1, g=1), Player(3, g=1))
    assert rows(ear) == [(1,), (1,), (1,)]


def test_groups_in_order() -> None:
    db = opened(*[Player(n, g=n % 3) for n in range(6)])
    ear = Ear(
        db, "SELECT g, COUNT(*) AS n FROM player GROUP BY g ORDER BY n DESC LIMIT 2"
    )
    assert rows(ear) == [(0, 2), (1, 2)]

    put(db, Player(6, g=2))
    assert rows(ear) == [(2, 3), (0, 2)]


def test_groups_that_are_let_through_and_sets_in_order() -> None:
    db = opened(Player(1, g=1), Player(2, g=1), Player(3, g=2), Guild(3))
    groups = Ear(
        db,
        "SELECT g, COUNT(*) AS n FROM player GROUP BY g HAVING COUNT(*) > 0 "
        "ORDER BY g, COUNT(*) LIMIT 1",
    )
    union = Ear(
        db, "SELECT g FROM player UNION SELECT id FROM guild ORDER BY g LIMIT 2"
    )
    distinct = Ear(db, "SELECT DISTINCT g FROM player ORDER BY g DESC LIMIT 1")
    assert rows(groups) == [(1, 2)]
    assert (rows(union), rows(distinct)) == ([(1,), (2,)], [(2,)])

    remove(db, 3)

    assert rows(groups) == [(1, 2)]
    assert (rows(union), rows(distinct)) == ([(1,), (3,)], [(1,)])


# What is read late.


# The first rows of each group.

TOP = "QUALIFY ROW_NUMBER() OVER (PARTITION BY g ORDER BY lvl DESC)"


def test_the_best_of_each_group() -> None:
    db = opened(Player(1, g=1, lvl=5), Player(2, g=1, lvl=6), Player(3, lvl=1))
    ear = Ear(db, f"SELECT id, g, lvl FROM player {TOP} <= 1")
    assert sorted(rows(ear)) == [(2, 1, 6), (3, None, 1)]

    put(db, Player(1, g=1, lvl=7))
    put(db, Player(2, g=1, lvl=4))  # which is behind
    put(db, Player(1, g=2, lvl=7))
    put(db, Player(4, g=1, lvl=4))  # equal, and the key is behind
    remove(db, 2, 3)

    assert [each.moves for each in ear.updates] == [None] * 3
    assert heard(ear) == [
        ([(1, 1, 7)], [(2, 1, 6)]),
        ([(1, 2, 7), (2, 1, 4)], [(1, 1, 7)]),
        ([(4, 1, 4)], [(2, 1, 4), (3, None, 1)]),
    ]


def test_how_many_of_each_group_may_be_a_parameter() -> None:
    db = opened(*[Player(n, g=n % 2, lvl=n) for n in range(6)])
    text = f"SELECT * FROM player {TOP}"
    one = db.subscribe(f"{text} <= 2")
    other = db.subscribe(f"{text} <= :k", params={"k": 2})
    none = db.subscribe(f"{text} <= :k", params={"k": 0})
    most = db.subscribe(f"{text} <= :k", params={"k": 2**64 - 1})

    assert one.result is other.result
    assert sorted([each.id for each in one.rows]) == [2, 3, 4, 5]
    remove(db, 5)
    assert sorted([each.id for each in one.rows]) == [1, 2, 3, 4]
    assert (none.rows, len(most.rows)) == ([], 5)


def test_the_first_groups_of_groups_and_what_is_above() -> None:
    db = opened(*[Player(n, g=n // 2, lvl=n) for n in range(5)])
    ear = Ear(
        db,
        "SELECT g, COUNT(*) AS n FROM player GROUP BY g "
        "QUALIFY ROW_NUMBER() OVER (ORDER BY n DESC) <= 2 ORDER BY g DESC",
    )
    assert rows(ear) == [(1, 2), (0, 2)]

    put(db, Player(7, g=2), Player(8, g=2))

    assert rows(ear) == [(2, 3), (0, 2)]
    assert heard(ear) == [([(2, 3)], [(1, 2)])]


def test_changes_since_the_beginning_are_moves_too() -> None:
    db = opened(*[Player(n, lvl=n) for n in range(5)])
    query = db.subscribe(BEST)
    put(db, Player(3, lvl=9))
    put(db, Player(0, lvl=8))
    changes = query.changes(timeout=0)
    update = next(changes)
    shown = [tuple(each) for each in query.initial]
    for move in update.moves or ():
        if move.now is None:
            del shown[move.was or 0]
        else:
            shown.insert(move.now, tuple(move.row))

    assert shown == [(3,), (0,), (4,)] == [tuple(each) for each in query.rows]


# Who leaves, and what fails.


def test_states_that_may_be_wrong_are_made_anew() -> None:
    db = opened(Player(1, g=1, lvl=5))
    ear = Ear(db, GROUPS)
    [result] = engine_of(db).results
    kept: Any = result
    kept._is_current = False  # as after an interrupt in the middle of a commit
    kept._root._state.fill([])

    put(db, Player(2, g=1, lvl=6))

    assert heard(ear) == [([(1, 2, 11)], [(1, 1, 5)])]
    assert kept._is_current
    template: Any = kept.template
    now = engine_of(db)._now
    assert not template.change(kept.values, {}, now, {"player": None})


def test_states_go_with_the_last_who_listens() -> None:
    db = opened(Player(1, g=1))
    empty = engine_of(db).sizes
    ears = [Ear(db, text) for text in (GROUPS, GROUPS, BEST, LEFT)]
    put(db, Player(2, g=1), Player(3, g=2))
    assert len({id(each.updates[0].difference) for each in ears[:2]}) == 1

    for each in ears:
        each.query.close()

    assert engine_of(db).sizes == empty
    assert engine_of(db).evaluated == []


def test_what_has_no_room_ends_its_query_and_no_other() -> None:
    db = opened(Player(1, lvl=5))
    ear = Ear(db, "SELECT SUM(lvl * 2) FROM player")
    other = Ear(db, "SELECT SUM(lvl) FROM player")
    assert rows(ear) == [(10,)]

    put(db, Player(2, lvl=2_000_000_000))
    assert heard(other) == [([(2_000_000_005,)], [(5,)])]
    assert heard(ear) == []
    [error] = ear.errors
    assert "the result 4000000000 is not i32" in str(error)
    assert engine_of(db).sizes["results"] == 1


def test_what_fails_as_it_is_asked_leaves_nothing() -> None:
    db = opened(Player(1, lvl=1), Player(2, lvl=3))
    empty = engine_of(db).sizes
    text = "SELECT g FROM player GROUP BY g HAVING 10 / (SUM(lvl) - 4) = 0"

    with pytest.raises(qsdb.QueryError, match="divided by 0") as caught:
        db.subscribe(text)
    assert (caught.value.line, caught.value.column) == (1, 46)
    assert engine_of(db).sizes == empty

    remove(db, 2)
    ear = Ear(db, text)
    put(db, Player(2, lvl=3))
    [error] = ear.errors
    assert "line 1, column 46: something is divided by 0" in str(error)
    assert engine_of(db).sizes == empty


OUTER = "SELECT a.id FROM player a LEFT JOIN guild g ON a.g = g.id"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM player LIMIT 3", "LIMIT needs ORDER BY: else nothing says"),
        (
            "SELECT p.id FROM player p FULL JOIN guild g ON p.g = g.id",
            "FULL JOIN is not kept current; LEFT JOIN is",
        ),
        (
            f"{OUTER} LEFT JOIN player b ON b.lvl = g.own",
            "ON of a LEFT JOIN looks at a table of another LEFT JOIN",
        ),
        (
            f"{OUTER} WHERE EXISTS (SELECT 1 FROM player b WHERE b.lvl = g.own)",
            r"a row filter, EXISTS or IN \(SELECT …\) looks at a table of a LEFT JOIN",
        ),
        (
            "SELECT EXISTS (SELECT 1 FROM guild) AS e FROM player",
            r"EXISTS or IN \(SELECT …\) among columns or in an order",
        ),
    ],
)
def test_what_is_refused_says_why(text: str, reason: str) -> None:
    with pytest.raises(qsdb.QueryError, match=f"cannot be subscribed to: {reason}"):
        opened().subscribe(text)


def test_a_row_behind_the_limit_ends_a_window_that_asking_gives() -> None:
    db = opened(Player(1, g=1, lvl=5, name="a"))
    text = "SELECT id, 10 / lvl AS s FROM player ORDER BY {} LIMIT 1"
    ear = Ear(db, text.format("g"))

    put(db, Player(2, g=2, lvl=0, name="b"))
    [error] = ear.errors
    assert "divided by 0" in error.reason
    found = db.sql(text.format("g"))  # it goes along the index, and stops there
    assert [*map(tuple, found)] == [(1, 2)]
    with pytest.raises(qsdb.QueryError, match="divided by 0"):
        db.sql(text.format("name"))
