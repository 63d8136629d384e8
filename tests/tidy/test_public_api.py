"""The front door: what it shows is listed here, and each thing is described."""

import ast
import enum
import importlib
import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType

import pytest

import qsdb
import qsdb.testing

PUBLIC_NAMES = frozenset(
    [
        "AccessError",
        "AnonymousViewContext",
        "ArgumentError",
        "BTree",
        "Changes",
        "Clock",
        "ClosedError",
        "ConflictError",
        "Connection",
        "ConnectionId",
        "ConstraintError",
        "Copy",
        "CorruptionError",
        "Database",
        "DatabaseLocked",
        "DiskFull",
        "Event",
        "FailedError",
        "FormatVersionError",
        "Hash",
        "HttpRequest",
        "HttpResponse",
        "Identity",
        "Index",
        "InternalError",
        "KindError",
        "LimitError",
        "LiveQuery",
        "MigrationContext",
        "MigrationPlan",
        "MigrationStep",
        "Module",
        "NotFoundError",
        "ProcedureContext",
        "Product",
        "QsdbError",
        "Query",
        "QueryError",
        "ReadOnlyError",
        "Recovery",
        "ReducerContext",
        "Result",
        "ReducerError",
        "Repair",
        "Row",
        "ScheduleAt",
        "SchemaError",
        "Stats",
        "StorageError",
        "StorageOptions",
        "Subscription",
        "Table",
        "TimeDuration",
        "Timestamp",
        "Transaction",
        "TransactionLimits",
        "UniqueError",
        "Update",
        "UsageError",
        "Verification",
        "ViewContext",
        "asdict",
        "auto_inc",
        "column",
        "dump",
        "f32",
        "f64",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "i256",
        "index",
        "load",
        "primary_key",
        "repair",
        "restore",
        "testing",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "u256",
        "unique",
        "verify",
    ]
)
"""What a user may rely on. Taking one away needs a line in CHANGELOG.md."""


def front_door_faults(module: Mapping[str, object]) -> list[str]:
    """Give a sentence for each name that is listed and absent, or shown unlisted.

    Args:
        module: The names of a module → what they stand for.
    """
    listed = module.get("__all__", [])
    assert isinstance(listed, list)
    shown = {
        name
        for name, value in module.items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    absent = sorted(set(listed) - set(module))
    unlisted = sorted(shown - set(listed))
    twice = sorted({name for name in listed if listed.count(name) > 1})
    return [
        *(f"{name} is listed and is not there" for name in absent),
        *(f"{name} is there and not listed" for name in unlisted),
        *(f"{name} is listed twice" for name in twice),
    ]


def docstring_faults(names: Mapping[str, object]) -> list[str]:
    """Give a sentence for each thing without a docstring, down to methods."""
    faults: list[str] = []
    for name, value in names.items():
        if not _is_described(value):
            faults.append(f"{name} has no docstring")
        if isinstance(value, type):
            faults += _method_faults(name, value)
    return faults


def _is_described(value: object) -> bool:
    """Whether `value` has a docstring, a class one of its own."""
    if isinstance(value, type):
        return bool(vars(value).get("__doc__"))
    return bool(inspect.getdoc(value))


def _method_faults(name: str, owner: type) -> Iterator[str]:
    """Look through the public methods that a class has from its own package."""
    package = owner.__module__.partition(".")[0]
    bases = [base for base in owner.__mro__ if base.__module__.startswith(package)]
    members = {member for base in bases for member in vars(base)}
    for member in sorted(members):
        value = inspect.getattr_static(owner, member)
        is_method = inspect.isroutine(value) or isinstance(value, property)
        if member.startswith("_") or not is_method or _is_of_enum(owner, member):
            continue
        if not inspect.getdoc(getattr(owner, member)):
            yield f"{name}.{member} has no docstring"


def _is_of_enum(owner: type, member: str) -> bool:
    return issubclass(owner, enum.Enum) and hasattr(enum.Enum, member)


FRONT_DOORS = [qsdb, qsdb.testing]
"""Packages whose names are loaded when they are first used."""


def for_checkers(source: str) -> dict[str, str]:
    """Give the names that are imported for type checkers → the modules they are in."""
    blocks = [node.body for node in ast.parse(source).body if isinstance(node, ast.If)]
    return {
        alias.name: str(node.module)
        for node in blocks[0]
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_public_names_are_those_listed_here() -> None:
    assert set(qsdb.__all__) == PUBLIC_NAMES


@pytest.mark.parametrize("package", FRONT_DOORS)
def test_front_door_shows_what_it_lists(package: ModuleType) -> None:
    faults = front_door_faults({name: getattr(package, name) for name in dir(package)})

    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize("package", FRONT_DOORS)
def test_front_door_gives_what_type_checkers_are_told(package: ModuleType) -> None:
    told = for_checkers(inspect.getsource(package))

    assert set(told) == set(package.__all__)
    for name, home in told.items():
        assert getattr(package, name) is getattr(importlib.import_module(home), name)


def test_every_public_thing_is_described() -> None:
    listed = {name: getattr(qsdb, name) for name in sorted(PUBLIC_NAMES)}

    faults = docstring_faults(listed)

    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param({"__all__": ["Row"]}, id="absent"),
        pytest.param({"__all__": [], "Row": int}, id="unlisted"),
        pytest.param({"__all__": ["Row", "Row"], "Row": int}, id="twice"),
    ],
)
def test_a_planted_front_door_is_refused(module: dict[str, object]) -> None:
    assert len(front_door_faults(module)) == 1


def test_modules_and_private_names_need_no_listing() -> None:
    module = {"__all__": ["Row"], "Row": int, "errors": inspect, "_private": 1}

    assert front_door_faults(module) == []


class Described:
    """A class."""

    def method(self) -> None:
        """Do."""

    def _private(self) -> None: ...


class Overriding(Described):
    """Its method is described where it was declared."""

    def method(self) -> None: ...


class Bare(Described): ...


class BareMethods:
    """Four things to find."""

    def method(self) -> None: ...
    @property
    def attribute(self) -> None: ...
    @classmethod
    def of_class(cls) -> None: ...
    @staticmethod
    def static() -> None: ...


def bare() -> None: ...


def test_planted_things_without_docstrings_are_found() -> None:
    planted = {"Bare": Bare, "BareMethods": BareMethods, "bare": bare}

    faults = docstring_faults(planted)

    assert [fault.partition(" ")[0] for fault in faults] == [
        "Bare",
        "BareMethods.attribute",
        "BareMethods.method",
        "BareMethods.of_class",
        "BareMethods.static",
        "bare",
    ]


def test_described_things_are_admitted() -> None:
    assert docstring_faults({"Described": Described, "Overriding": Overriding}) == []
