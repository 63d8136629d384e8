"""A planted bug is in the library for the length of a block, and only then."""

import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from qsdb.store import orders, paths
from qsdb.values import ranges
from qsdb.values.ranges import Range
from tests.support.mutants import Mutant, MutantError, mutated, patched, planted

HOLDS = Mutant(ranges, "self.high is None or entry < self.high", "False")


def test_a_planted_bug_reaches_who_imported_the_class() -> None:
    everything = Range(None, None)

    with planted(HOLDS):
        assert not everything.holds((1,))
    assert everything.holds((1,))


def test_a_planted_bug_goes_when_the_block_raises() -> None:
    with pytest.raises(ZeroDivisionError), planted(HOLDS):
        raise ZeroDivisionError

    assert Range(None, None).holds((1,))


def test_functions_behind_a_decorator_are_reached() -> None:
    mutant = Mutant(orders, 'return _compile(f"{schema.name} key", ', "return (0, ")
    table: Any = SimpleNamespace(schema=SimpleNamespace(primary_key=(), name="t"))
    table.derived = {}

    with planted(mutant):
        assert orders.key_function(table)[:2] == (0, "row")  # type: ignore[index]


def test_several_bugs_are_planted_in_one_module() -> None:
    both = [HOLDS, Mutant(ranges, "return other is not self", "return False")]

    with planted(*both):
        assert not ranges.TOP > 1
        assert not Range(None, None).holds((1,))
    assert ranges.TOP > 1


@pytest.mark.parametrize("text", ["return", "there is no such text"])
def test_a_text_must_occur_exactly_once(text: str) -> None:
    with pytest.raises(MutantError, match=r"qsdb\.store\.paths has this \d+ times"):
        mutated([Mutant(paths, text, "")])


def test_a_change_of_nothing_is_refused() -> None:
    source = inspect.getsource(paths)

    with pytest.raises(MutantError, match="the same"), patched(paths, source + "\n#"):
        pass
