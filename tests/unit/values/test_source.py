"""Generated source: names bound once, shown to the listener, seen in tracebacks."""

import gc
import linecache
import traceback
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.values.source import Names, compile_source, printable, set_listener


@pytest.fixture
def shown() -> Iterator[list[str]]:
    """Collect what the listener is shown, and take it away afterwards."""
    sources: list[str] = []
    set_listener(sources.append)
    yield sources
    set_listener(None)


def defined(namespace: dict[str, object], name: str) -> Callable[..., object]:
    function = namespace[name]
    assert callable(function)
    return function


def test_names_at_the_beginning_are_bound_with_an_underscore() -> None:
    names = Names(limit=7)

    assert names.objects["_limit"] == 7
    assert names.bind("limit", 7) == "_limit"


def test_builtins_are_bound_with_an_underscore() -> None:
    assert Names().objects["_len"] is len
    assert Names().bind("len", len) == "_len"


def test_a_taken_name_is_numbered() -> None:
    names = Names()
    first, second, third = object(), object(), object()

    bound = [names.bind("order", each) for each in (first, second, third, second)]

    assert bound == ["_order", "_order_2", "_order_3", "_order_2"]
    assert [names.objects[each] for each in bound[:3]] == [first, second, third]


def test_a_numbered_name_that_is_taken_is_passed_over() -> None:
    names = Names()
    names.bind("order_2", 1)
    names.bind("order", 2)

    assert names.bind("order", 3) == "_order_3"
    assert names.objects["_order_2"] == 1


def test_names_of_two_pieces_are_apart() -> None:
    first, second = Names(), Names()
    first.bind("limit", 1)

    assert second.bind("limit", 2) == "_limit"


@given(st.lists(st.tuples(st.sampled_from(["a", "a_2", "len"]), st.integers(0, 5))))
def test_every_bound_name_keeps_its_object(pairs: list[tuple[str, int]]) -> None:
    names = Names()

    bound = [(names.bind(name, value), value) for name, value in pairs]

    assert all(names.objects[name] is value for name, value in bound)


def test_compiled_source_sees_its_names() -> None:
    names = Names()
    limit = names.bind("limit", 7)

    namespace = compile_source("test names", f"def f(x): return x < {limit}\n", names)

    assert defined(namespace, "f")(6) is True
    assert defined(namespace, "f")(7) is False


def test_compiling_leaves_the_names_as_they_were() -> None:
    names = Names()
    before = dict(names.objects)

    compile_source("test isolation", "x = 1\n", names)

    assert names.objects == before


def test_the_listener_is_shown_each_source_until_it_is_taken_away(
    shown: list[str],
) -> None:
    compile_source("test listener", "x = 1\n", Names())
    set_listener(None)
    compile_source("test listener", "x = 2\n", Names())

    assert shown == ["# <qsdb test listener>\nx = 1\n"]


def test_a_second_listener_replaces_the_first(shown: list[str]) -> None:
    others: list[str] = []
    set_listener(others.append)

    compile_source("test second listener", "x = 1\n", Names())

    assert shown == []
    assert len(others) == 1


def test_equal_titles_are_numbered(shown: list[str]) -> None:
    for _ in range(3):
        compile_source("test titles", "x = 1\n", Names())

    assert [source.splitlines()[0] for source in shown] == [
        "# <qsdb test titles>",
        "# <qsdb test titles 2>",
        "# <qsdb test titles 3>",
    ]


def test_a_traceback_shows_the_generated_line() -> None:
    source = "def fail():\n    raise LookupError  # here\n"
    namespace = compile_source("test traceback", source, Names())

    with pytest.raises(LookupError) as caught:
        defined(namespace, "fail")()

    text = "".join(traceback.format_exception(caught.value))
    assert '"<qsdb test traceback>", line 2, in fail' in text
    assert "raise LookupError  # here" in text


def test_generated_lines_outlive_a_check_of_the_cache() -> None:
    namespace = compile_source("test cache", "x = 1\n", Names())

    linecache.checkcache()

    assert namespace["x"] == 1

    assert linecache.getline("<qsdb test cache>", 1) == "x = 1\n"


def test_lines_go_with_the_code() -> None:
    namespace = compile_source(
        "test leak", "def twice(x):\n    return 2 * x\n", Names()
    )
    assert linecache.getline("<qsdb test leak>", 1) == "def twice(x):\n"
    twice = namespace.pop("twice")
    del namespace
    gc.collect()
    assert linecache.getline("<qsdb test leak>", 1) == "def twice(x):\n"
    del twice
    gc.collect()
    assert "<qsdb test leak>" not in linecache.cache


def test_many_values_of_one_name_are_told_apart() -> None:
    names, values = Names(limit_3="taken"), [object() for _ in range(9)]
    bound = [names.bind("limit", each) for each in values * 2]
    assert bound[:9] == bound[9:]
    assert len(set(bound)) == 9
    assert [names.objects[each] for each in bound[:9]] == values
    assert names.objects["_limit_3"] == "taken"


def test_a_title_that_cannot_be_printed_is_escaped(shown: list[str]) -> None:
    for title in ("test a\0b", "test \ud800", "test \n", "test \x1b[2J", "test ü"):
        compile_source(title, "x = 1\n", Names())

    assert [source.splitlines()[0] for source in shown] == [
        "# <qsdb test a\\x00b>",
        "# <qsdb test \\ud800>",
        "# <qsdb test \\n>",
        "# <qsdb test \\x1b[2J>",
        "# <qsdb test ü>",
    ]


@given(st.text(st.characters()))
def test_what_is_printable_has_no_character_that_is_not(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text) == text or not text.isprintable()
