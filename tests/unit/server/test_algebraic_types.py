"""Kinds as algebraic types: every kind, its forms, and the names of types."""

import os

import pytest
from hypothesis import given, settings

from qsdb.codec.bsatn import encoder
from qsdb.codec.json_text import write_json
from qsdb.server.algebraic_types import Typespace, inline_product, inline_type
from qsdb.server.definition_names import FreeNames, fault_of_identifier, identifier_of
from qsdb.server.definition_types import ALGEBRAIC_TYPE
from qsdb.server.meta_types import Maybe, bsatn_of
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
    tuple_kind,
)
from qsdb.values.kinds import Kind
from tests.support.definition_reader import read_as, shape_of_kind, shape_of_type
from tests.support.strategies import SCALAR_KINDS, kinds

EXAMPLES = 1000 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 25

POINT = ProductKind("Point", (Field("id", k.U32),))
OTHER_POINT = ProductKind("Point", (Field("id", k.U64),))
UNION = SumKind((Field("Circle", POINT), Field("Square", POINT)))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (k.U32, '{"U32":[]}'),
        (k.I256, '{"I256":[]}'),
        (k.BOOL, '{"Bool":[]}'),
        (k.F64, '{"F64":[]}'),
        (k.STR, '{"String":[]}'),
        (ArrayKind(k.U8), '{"Array":{"U8":[]}}'),
        (k.BYTES, '{"Array":{"U8":[]}}'),
        (
            POINT,
            '{"Product":{"elements":[{"name":{"some":"id"},"algebraic_type":{"U32":[]}}]}}',
        ),
        (
            EnumKind("Mood", ("Calm",)),
            '{"Sum":{"variants":[{"name":{"some":"Calm"},"algebraic_type":'
            + write_json({"Product": {"elements": []}})
            + "}]}}",
        ),
    ],
)
def test_types_have_the_forms_of_the_specification(kind: Kind, text: str) -> None:
    assert write_json(inline_type(kind)) == text


@pytest.mark.parametrize("kind", SCALAR_KINDS, ids=lambda each: each.name)
def test_special_kinds_are_what_they_are_elsewhere(kind: Kind) -> None:
    assert shape_of_type(inline_type(kind), []) == shape_of_kind(kind)


@settings(max_examples=EXAMPLES)
@given(kinds())
def test_types_say_what_kinds_are(kind: Kind) -> None:
    typespace = Typespace()
    referring, inline = typespace.type_of(kind), inline_type(kind)

    assert shape_of_type(referring, typespace.types) == shape_of_kind(kind)
    assert shape_of_type(inline, []) == shape_of_kind(kind)
    assert typespace.type_of(kind) == referring
    assert len(set(typespace.names)) == len(typespace.names) == len(typespace.types)
    for each in (referring, inline, *typespace.types):
        assert read_as("Type", bsatn_of(ALGEBRAIC_TYPE, each)) == each


def test_a_row_is_written_out_with_its_columns() -> None:
    row = ProductKind("row", (Field("at", POINT), Field("n", k.U8)))

    assert inline_type(row) == {"Product": inline_product(row)}
    assert inline_product(ProductKind("nothing", ())) == {"elements": []}


def test_a_type_refers_to_those_inside() -> None:
    typespace = Typespace()

    assert typespace.type_of(OptionKind(UNION)) == {
        "Sum": {
            "variants": [
                {"name": {"some": "some"}, "algebraic_type": {"Ref": 0}},
                {
                    "name": {"some": "none"},
                    "algebraic_type": {"Product": {"elements": []}},
                },
            ]
        }
    }
    assert typespace.names == ["CircleOrSquare", "Point"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (POINT, "Point"),
        (EnumKind("Mood", ("calm",)), "Mood"),
        (ProductKind("my type", ()), "my_type"),
        (tuple_kind([k.U8, OptionKind(k.STR)]), "TupleU8StrNone"),
        (SumKind(tuple([Field(f"V{n}", k.U8) for n in range(99)])), "V0OrV1OrV2OrV3"),
    ],
)
def test_every_type_has_a_name_that_is_an_identifier(kind: Kind, name: str) -> None:
    typespace = Typespace()
    typespace.type_of(kind)

    assert typespace.names[0].startswith(name)
    assert len(typespace.names[0]) <= 60
    assert typespace.names[0].isidentifier()


def test_two_types_of_one_name_are_numbered() -> None:
    typespace = Typespace()

    for kind in (POINT, OTHER_POINT, POINT, UNION):
        typespace.type_of(kind)

    assert typespace.names == ["Point", "Point2", "CircleOrSquare"]


def test_an_alias_stands_for_a_type_unless_it_has_one() -> None:
    typespace = Typespace()
    place = typespace.place_of(POINT)

    typespace.alias(OTHER_POINT, place)
    typespace.alias(POINT, 7)

    assert typespace.type_of(OTHER_POINT) == typespace.type_of(POINT) == {"Ref": place}


@pytest.mark.parametrize(
    ("name", "is_identifier"),
    [
        ("a", True),
        ("_0", True),
        ("naïve", True),
        ("order", True),
        ("", False),
        ("0", False),
        ("a b", False),
        ("a.b", False),
        ("e\u0301", False),
    ],
)
def test_identifiers_are_those_of_the_specification(
    name: str, *, is_identifier: bool
) -> None:
    assert (fault_of_identifier(name) is None) is is_identifier
    assert fault_of_identifier(identifier_of(name)) is None


def test_a_name_that_is_taken_is_numbered() -> None:
    free = FreeNames({"a_key"})

    assert [free.take("a_key"), free.take("a_key"), free.take("b")] == [
        "a_key_2",
        "a_key_3",
        "b",
    ]


def test_an_option_has_the_tags_of_the_specification() -> None:
    assert bsatn_of(Maybe(k.STR), {"none": []}) == b"\x01"
    assert bsatn_of(Maybe(k.U16), {"some": 258}) == b"\0" + encoder(k.U16)(258)
