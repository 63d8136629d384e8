"""The functions that are written look as the docstrings show them."""

import ast
import textwrap
from collections.abc import Callable

import pytest

from qsdb.codec import bsatn, decode, encode
from qsdb.values import kinds as k
from qsdb.values.compounds import ArrayKind, Field, OptionKind, ProductKind
from qsdb.values.kinds import Kind
from qsdb.values.source import set_listener


def product(*parts: Kind) -> ProductKind:
    """Make a product of fields of these kinds."""
    fields = [Field(f"field_{index}", part) for index, part in enumerate(parts)]
    return ProductKind("Player", tuple(fields))


def written(make: Callable[[Kind], object], kind: Kind) -> str:
    """Give the source that `make` compiles for `kind`, which is the last piece."""
    pieces: list[str] = []
    make.__wrapped__(kind)  # type: ignore[attr-defined]  not the cached function
    set_listener(pieces.append)
    try:
        make.__wrapped__(kind)  # type: ignore[attr-defined]
    finally:
        set_listener(None)
    return pieces[-1]


def shown(module_docstring: str | None) -> str:
    """Give the code that a docstring shows."""
    assert module_docstring is not None
    _, _, after = module_docstring.partition("::\n\n")
    code = "".join(
        line for line in after.split("\n\n", maxsplit=1)[0].splitlines(keepends=True)
    )
    return textwrap.dedent(code)
