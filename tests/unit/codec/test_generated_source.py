"""The functions that are written look as the docstrings show them, and no worse."""

import ast
import textwrap
from collections.abc import Callable

from qsdb.codec import bsatn, decode, encode
from qsdb.values import kinds as k
from qsdb.values.compounds import ArrayKind, Field, OptionKind, ProductKind
from qsdb.values.kinds import Kind
from qsdb.values.source import set_listener

make_encoder = bsatn.encoder.__wrapped__
make_decoder = bsatn.decoder.__wrapped__
make_reader = bsatn.reader.__wrapped__
"""As they are without their memory, so that they compile every time."""


def product(*parts: Kind) -> ProductKind:
    """Make a product of fields of these kinds."""
    fields = [Field(f"field_{index}", part) for index, part in enumerate(parts)]
    return ProductKind("Player", tuple(fields))


def written(make: Callable[..., object], kind: Kind) -> str:
    """Give the source that `make` compiles for `kind`, without its headline."""
    pieces: list[str] = []
    set_listener(pieces.append)
    try:
        make(kind)
    finally:
        set_listener(None)
    return pieces[-1]


def shown(docstring: str | None) -> str:
    """Give the code that a docstring shows."""
    assert docstring is not None
    _, _, after = docstring.partition("::\n\n")
    return textwrap.dedent(after.split("\n\n", maxsplit=1)[0])


def same_code(one: str, other: str) -> bool:
    """Compare two sources regardless of their layout."""
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


def test_an_encoder_is_written_as_its_module_shows() -> None:
    source = written(make_encoder, product(k.U64, k.STR, k.I32, OptionKind(k.U16)))

    assert same_code(source, shown(encode.__doc__))


def test_a_decoder_is_written_as_its_module_shows() -> None:
    source = written(make_decoder, product(k.U64, k.STR))

    scalars = "(('u64', 8), ('length of str', 4))"
    assert same_code(source, shown(decode.__doc__).replace("...", scalars))


def test_a_row_of_fixed_columns_is_one_call_of_struct() -> None:
    row = product(k.U32, k.I64, k.TIMESTAMP)

    assert written(make_encoder, row).endswith("    return _pack(*value)\n")
    assert "v0 = _unpack(data)\n" in written(make_decoder, row)
    assert "return v0, position + 20\n" in written(make_reader, row)


def test_fixed_columns_between_others_are_packed_together() -> None:
    row = product(k.STR, k.U8, k.UUID, product(k.F32, k.SCHEDULE_AT), k.U256, k.STR)

    assert written(make_encoder, row).count("_pack") == 2
    assert written(make_decoder, row).count("_unpack_from") == 2


def test_items_of_fixed_size_are_unpacked_at_once() -> None:
    for item in (k.U16, k.F32, k.BOOL, product(k.U8, k.U8), product(k.BOOL, k.UUID)):
        assert "range(v0)" not in written(make_decoder, ArrayKind(item))
