"""Types of types: what a definition of a module is made of, and its bytes.

A definition is plain data in the named form of SATS-JSON (`qsdb.codec.sats_json`), so
it is printed as it is. A *meta-type* says what data there may be, and in which order
its bytes come. Kinds do not do for that, since a type contains types: so `bsatn_of`
walks meta-types, slowly, and leaves to kinds what has no parts.

>>> from qsdb.values.kinds import STR, U16
>>> column = Record("Column", {"name": Maybe(STR), "place": U16})
>>> bsatn_of(column, {"name": {"none": []}, "place": 258}).hex(" ")
'01 02 01'
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from qsdb.codec.bsatn import encoder
from qsdb.codec.sats_json import json_reader
from qsdb.values.compounds import ProductKind
from qsdb.values.kinds import U8, U32, Kind

__all__ = ["NOTHING", "Choice", "Later", "Many", "Maybe", "Meta", "Record", "bsatn_of"]


@attrs.frozen
class Record:
    """A product: an object with exactly these fields, in any order."""

    name: str
    fields: "Mapping[str, Meta]"


@attrs.frozen
class Choice:
    """A sum: an object of one of these variants; their order gives the tags."""

    name: str
    variants: "Mapping[str, Meta]"


@attrs.frozen
class Many:
    """An array."""

    item: "Meta"


@attrs.frozen
class Maybe:
    """An option: ``{"some": …}`` or ``{"none": []}``."""

    inner: "Meta"


@attrs.frozen
class Later:
    """A meta-type that is defined further below, since it contains itself."""

    meta: "Callable[[], Meta]"


Meta = Record | Choice | Many | Maybe | Later | Kind

NOTHING = ProductKind("nothing", ())
"""What a variant without payload holds: ``[]``."""


def bsatn_of(meta: Meta, data: Any) -> bytes:  # noqa: ANN401  data is of any form
    """Give the bytes of data.

    Raises:
        ValueError: a record has other fields, or a choice another variant.
        JsonFaultError: something without parts is not of its kind.

    Cost: some microseconds for each part.
    """
    match meta:
        case Record():
            if data.keys() != meta.fields.keys():
                raise ValueError(f"{meta.name} has other fields: {', '.join(data)}")
            parts = [bsatn_of(part, data[name]) for name, part in meta.fields.items()]
            return b"".join(parts)
        case Choice():
            return _choice_bytes(meta, data)
        case Many():
            items = [bsatn_of(meta.item, each) for each in data]
            return encoder(U32)(len(items)) + b"".join(items)
        case Maybe():
            option = Choice("option", {"some": meta.inner, "none": NOTHING})
            return _choice_bytes(option, data)
        case Later():
            return bsatn_of(meta.meta(), data)
        case _:
            return encoder(meta)(json_reader(meta)(data))


def _choice_bytes(meta: Choice, data: Mapping[str, object]) -> bytes:
    ((name, payload),) = data.items()
    if name not in meta.variants:
        raise ValueError(f"{meta.name} has no variant {name}")
    tag = list(meta.variants).index(name)
    return encoder(U8)(tag) + bsatn_of(meta.variants[name], payload)
