"""What the benchmarks draw, hash and exchange is what they say."""

import collections

import pytest

from benchmarks.accounts import Account, digest, draw_ids, load_qsdb, qsdb_rows
from benchmarks.bench_filter import Search, raw_items
from benchmarks.bench_preimages import load_twin, twin_source
from benchmarks.bench_transfer import draw_pairs, verified
from benchmarks.harness import InvariantError
from qsdb.store.writing import WriteTable

NOTE = "    if key not in pre: pre[key] = {}\n"
SOURCE = "".join(
    f"def {name}(self, row):\n{note}"
    for name, note in [
        ("insert", NOTE.format("None")),
        ("insert_many", "    pass\n"),
        ("update", NOTE.format("old")),
        ("upsert", NOTE.format("old")),
    ]
)


def test_the_twin_appends_where_the_original_notes() -> None:
    source = twin_source(SOURCE)

    assert source.count("    pre.append((key, None))\n") == 1
    assert source.count("    pre.append((key, old))\n") == 2
    assert "not in pre" not in source


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(SOURCE.replace(NOTE.format("None"), ""), id="none"),
        pytest.param(SOURCE.replace(NOTE.format("None"), NOTE * 2), id="another form"),
        pytest.param(SOURCE + NOTE.format("old"), id="two"),
        pytest.param(SOURCE.replace("    pass\n", NOTE.format("old")), id="elsewhere"),
        pytest.param(SOURCE + "def more():\n" + NOTE.format("old"), id="unknown"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_source_of_another_shape_is_refused(source: str) -> None:
    with pytest.raises(InvariantError):
        twin_source(source)


def test_the_twin_notes_in_a_list_and_forgets_at_commit() -> None:
    db = load_twin(3)
    with db.write() as tx:
        accounts = tx[Account]
        accounts.update(Account(1, 7))
        accounts.insert(Account(5, 8))
        noted: object = vars(WriteTable)["_pre"].__get__(accounts)
        assert noted == [(1, (1, 1_000_000_001)), (5, None)]

    assert not noted
    assert db.offset == 3
    assert (1, 7) in qsdb_rows(db)
    db.check()


def test_pairs_are_of_different_accounts_and_always_the_same() -> None:
    pairs = draw_pairs(10, 1_000, 0.0)

    assert all(source != target for source, target in pairs)
    assert {account for pair in pairs for account in pair} == set(range(10))
    assert pairs == draw_pairs(10, 1_000, 0.0)


def test_alpha_makes_the_first_accounts_hot() -> None:
    sources = [source for source, _ in draw_pairs(1_000, 10_000, 1.5)]
    counts = collections.Counter(sources)

    # Of 1 / k ** 1.5 for k to 1,000, the first has 39 % and the second 14 %.
    assert counts[0] / 10_000 == pytest.approx(0.39, abs=0.02)
    assert counts[1] / 10_000 == pytest.approx(0.14, abs=0.02)


def test_ids_are_always_the_same() -> None:
    assert draw_ids(100, 7) == draw_ids(100, 7)
    assert set(draw_ids(100, 7)) == set(range(7))


def test_a_digest_does_not_depend_on_the_order() -> None:
    assert digest([(1, 5), (0, 6)], 2) == digest([(0, 6), (1, 5)], 2)
    assert digest([(1, 5), (0, 6)], 2) != digest([(0, 5), (1, 6)], 2)


def test_a_missing_account_is_noticed() -> None:
    with pytest.raises(InvariantError, match="1 accounts, 2 are right"):
        digest([(0, 5)], 2)


def test_lost_money_is_noticed() -> None:
    rows = list(qsdb_rows(load_qsdb(3)))

    assert verified(rows, 3) == digest(rows, 3)
    with pytest.raises(InvariantError, match="lost"):
        verified([*rows[1:], (0, 1)], 3)


def test_groups_of_items_have_one_size() -> None:
    items = raw_items(Search("hash", groups=5, hits=4, values=(1,)))

    assert set(collections.Counter(item[1] for item in items).values()) == {4}
    assert sorted(item[3] for item in items) == list(range(20))
    assert [item[3] for item in items] != list(range(20))
    assert all(item[1] == item[2] == item[3] // 4 for item in items)
