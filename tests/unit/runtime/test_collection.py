"""The pause of the garbage collector: it ends as it was, whatever happens."""

import gc
from collections.abc import Iterator

import pytest

from qsdb.runtime.collection import collection_paused


@pytest.fixture(autouse=True)
def _collector_left_on() -> Iterator[None]:
    yield
    gc.enable()


def test_the_collector_rests_in_the_block_and_goes_on_after_it() -> None:
    with collection_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_exception() -> None:
    with pytest.raises(KeyError), collection_paused():
        raise KeyError
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with collection_paused():
        pass
    assert not gc.isenabled()
