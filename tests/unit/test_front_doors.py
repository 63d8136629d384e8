"""A front door loads a public name when it is first used, and only then."""

import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

import qsdb
from qsdb.front_doors import front_door

HOMES = {"house.rooms": ("Kitchen", "kitchen", "Bath"), "house.cellar": ()}


@pytest.fixture
def house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[types.ModuleType]:
    """Give a package with two modules, of which neither is loaded."""
    package = tmp_path / "house"
    package.mkdir()
    package.joinpath("__init__.py").write_text("", encoding="utf-8")
    package.joinpath("cellar.py").write_text("", encoding="utf-8")
    rooms = "class Kitchen: ...\nclass Bath: ...\nkitchen = Kitchen()\n"
    package.joinpath("rooms.py").write_text(rooms, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    house = types.ModuleType("house")
    house.__path__ = [str(package)]
    load, names = front_door("house", HOMES)
    vars(house).update(__getattr__=load, __dir__=names)
    monkeypatch.setitem(sys.modules, "house", house)
    yield house
    for name in ("house.rooms", "house.cellar"):
        sys.modules.pop(name, None)


def test_a_name_is_loaded_when_it_is_first_used(house: types.ModuleType) -> None:
    before = {*sys.modules}

    kitchen = house.Kitchen

    assert {*sys.modules} - before == {"house.rooms"}
    assert kitchen.__module__ == "house.rooms"
    assert vars(house)["Kitchen"] is kitchen


def test_a_submodule_can_be_a_public_name(house: types.ModuleType) -> None:
    assert house.cellar is sys.modules["house.cellar"]
    assert house.rooms is sys.modules["house.rooms"]
    assert house.rooms.Bath is house.Bath


def test_all_names_are_shown_before_they_are_loaded(house: types.ModuleType) -> None:
    shown = dir(house)

    assert {"Bath", "Kitchen", "kitchen", "cellar", "__name__"} <= {*shown}
    assert shown == sorted(shown)
    assert "house.rooms" not in sys.modules


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("Baths", "'Baths'; near it: Bath"),
        ("Kichen", "'Kichen'; near it: Kitchen, kitchen"),
        ("garage", "'garage'"),
        ("_Bath", "'_Bath'"),
    ],
)
def test_a_name_that_is_not_there_is_told_of_with_those_near_it(
    name: str, end: str, house: types.ModuleType
) -> None:
    with pytest.raises(AttributeError) as raised:
        getattr(house, name)

    assert str(raised.value) == f"module 'house' has no attribute {end}"


def test_threads_that_use_a_name_first_get_the_same(house: types.ModuleType) -> None:
    barrier = threading.Barrier(8)
    found: list[object] = []

    def use() -> None:
        barrier.wait(60)
        found.append(house.Kitchen)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert found == [house.Kitchen] * 8


def test_a_star_import_gives_all_public_names() -> None:
    names: dict[str, object] = {}

    exec("from qsdb import *", names)

    assert {*names} - {"__builtins__"} == {*qsdb.__all__}


def test_the_front_door_names_what_may_be_meant() -> None:
    with pytest.raises(AttributeError, match="'Databse'; near it: Database"):
        getattr(qsdb, "Databse")  # noqa: B009  checkers know that it is not there
