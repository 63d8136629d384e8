"""The twin keeps to the golden vectors, and refuses what is no value."""

import pytest

from qsdb.values import kinds as k
from qsdb.values.compounds import ArrayKind, EnumKind, OptionKind
from qsdb.values.kinds import Kind
from tests.support import bsatn_twin
from tests.support.bsatn_twin import TwinError
from tests.support.bsatn_vectors import EITHER, UNIT, VECTORS, Vector


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.title)
def test_the_twin_keeps_to_the_golden_vectors(vector: Vector) -> None:
    data = bytes.fromhex(vector.hex)

    assert bsatn_twin.encode(vector.kind, vector.value) == data
    assert bsatn_twin.decode(vector.kind, data) == vector.value


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param(k.U16, "01", id="cut off"),
        pytest.param(k.U16, "010203", id="too much"),
        pytest.param(k.BOOL, "02", id="bool of 2"),
        pytest.param(OptionKind(k.U8), "02", id="tag of an option"),
        pytest.param(EITHER, "03", id="tag of a sum"),
        pytest.param(EnumKind("Colour", ("RED", "BLUE")), "02", id="tag of an enum"),
        pytest.param(k.STR, "01000000 ff", id="no UTF-8"),
        pytest.param(ArrayKind(UNIT), "01010000", id="257 items without bytes"),
    ],
)
def test_the_twin_refuses(kind: Kind, data: str) -> None:
    with pytest.raises(TwinError):
        bsatn_twin.decode(kind, bytes.fromhex(data))


def test_the_twin_writes_at_most_256_items_without_bytes() -> None:
    assert bsatn_twin.encode(ArrayKind(UNIT), ((),) * 256) == b"\0\1\0\0"

    with pytest.raises(TwinError):
        bsatn_twin.encode(ArrayKind(UNIT), ((),) * 257)
