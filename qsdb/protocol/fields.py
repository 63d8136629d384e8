"""The kinds of messages: a message is a named tuple, and so a stored value.

So `qsdb.codec` encodes and decodes messages as it does rows, by functions compiled
once for each class. Products have no bytes of their own: the fields of a message may
be read with one kind and written with several, one for each part.
"""

from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import U8, Kind

__all__ = ["product", "tagged"]


def product(name: str, /, **fields: Kind) -> ProductKind:
    """Give the kind of a tuple of these fields, in this order."""
    return ProductKind(name, tuple([Field(each, fields[each]) for each in fields]))


def tagged(kind: ProductKind) -> ProductKind:
    """Give the kind of the same tuple with a tag, a u8, before it.

    >>> from qsdb.codec.bsatn import encoder
    >>> from qsdb.values.kinds import U16
    >>> encoder(tagged(product("Point", x=U16, y=U16)))((7, 1, 2)).hex(" ")
    '07 01 00 02 00'
    """
    return ProductKind(kind.class_name, (Field("tag", U8), *kind.fields))
