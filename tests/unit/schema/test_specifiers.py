"""What stands behind a column's annotation."""

import copy
import pickle

import pytest

import qsdb
from qsdb.schema.specifiers import MISSING, BTree, Hash, Specifier


@pytest.mark.parametrize(
    ("given", "specifier"),
    [
        (qsdb.primary_key(), Specifier(is_primary=True)),
        (qsdb.primary_key(auto_inc=True), Specifier(is_primary=True, auto_inc=True)),
        (qsdb.primary_key(default=3), Specifier(is_primary=True, default=3)),
        (qsdb.primary_key(name="n"), Specifier(is_primary=True, name="n")),
        (qsdb.unique(), Specifier(is_unique=True)),
        (qsdb.unique(auto_inc=True), Specifier(is_unique=True, auto_inc=True)),
        (qsdb.unique(default=None), Specifier(is_unique=True, default=None)),
        (qsdb.index(), Specifier(algorithm="btree")),
        (qsdb.index("hash"), Specifier(algorithm="hash")),
        (qsdb.index(kind="hash", name="n"), Specifier(algorithm="hash", name="n")),
        (qsdb.index(auto_inc=True), Specifier(algorithm="btree", auto_inc=True)),
        (qsdb.index("hash", default=1), Specifier(algorithm="hash", default=1)),
        (qsdb.index(name="n"), Specifier(algorithm="btree", name="n")),
        (qsdb.auto_inc(), Specifier(auto_inc=True)),
        (qsdb.auto_inc(name="n"), Specifier(auto_inc=True, name="n")),
        (qsdb.column(), Specifier()),
        (qsdb.column(default=1), Specifier(default=1)),
        (qsdb.column(name="n", default=()), Specifier(default=(), name="n")),
    ],
    ids=repr,
)
def test_each_function_says_what_it_was_told(given: object, specifier: object) -> None:
    assert given == specifier


def test_a_specifier_shows_what_differs() -> None:
    assert repr(Specifier()) == "Specifier()"
    assert repr(qsdb.primary_key(auto_inc=True, name="n")) == (
        "Specifier(is_primary=True, auto_inc=True, name='n')"
    )
    assert repr(qsdb.column(default=None)) == "Specifier(default=None)"


def test_none_is_a_default_and_missing_is_none() -> None:
    assert qsdb.column(default=None) != qsdb.column()
    assert repr(MISSING) == "MISSING"


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (BTree("a"), "BTree('a')"),
        (BTree("a", "b", name="ab"), "BTree('a', 'b', name='ab')"),
        (Hash("a", "b"), "Hash('a', 'b')"),
        (BTree(), "BTree()"),
    ],
)
def test_an_index_is_shown_as_it_is_made(index: object, text: str) -> None:
    assert repr(index) == text
    assert eval(text) == index


def test_indexes_are_values() -> None:
    assert BTree("a", "b") == BTree("a", "b")
    assert BTree("a", "b") != BTree("b", "a")
    assert BTree("a") != Hash("a")  # type: ignore[comparison-overlap]
    assert BTree("a") != BTree("a", name="a")
    assert hash(BTree("a")) == hash(BTree("a"))
    assert copy.copy(Hash("a")) == pickle.loads(pickle.dumps(Hash("a"))) == Hash("a")
    with pytest.raises(AttributeError):
        BTree("a").name = "b"  # type: ignore[misc]


def test_indexes_tell_their_kind() -> None:
    assert BTree("a").algorithm == "btree"
    assert Hash("a").algorithm == "hash"
