"""Names as TypeScript has them: camel case, and each stands for one thing.

Names on the wire stay what they are; those in a source are *accessors*, made of them.
The SDK makes the accessors of functions by itself, by `sdk_accessor`.
"""

import json
import re
from collections.abc import Iterable

from qsdb.server.definition_names import FreeNames

__all__ = [
    "GLOBAL_NAMES",
    "TABLE_MEMBERS",
    "VARIANT_MEMBERS",
    "accessors",
    "camel_case",
    "quoted",
    "sdk_accessor",
    "shown_key",
]

_WORD = re.compile(r"[^\W_]+")
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")

_RESERVED = """
abstract any as async await boolean break case catch class const continue debugger
declare default delete do else enum export extends false finally for function get if
implements import in instanceof interface is let module namespace never new null number
object of package private protected public return set static string super switch symbol
this throw true try type typeof undefined unknown var void while with yield
"""

_OF_THE_SOURCE = """
DbConnection DbConnectionBuilder DbConnectionConfig DbConnectionImpl ErrorContext
ErrorContextInterface EventContext EventContextInterface Infer REMOTE_MODULE
ReducerEventContext ReducerEventContextInterface SubscriptionBuilder
SubscriptionBuilderImpl SubscriptionEventContext SubscriptionEventContextInterface
convertToAccessorMap declareProcedures declareReducers makeQueryBuilder procedureSchema
procedures proceduresOfModule reducerSchema reducers reducersOfModule schema t table
tables tablesOfModule Array BigInt Object Promise Uint8Array
"""

GLOBAL_NAMES = frozenset(f"{_RESERVED}{_OF_THE_SOURCE}".split())
"""What no type of a module can be called in the source."""

TABLE_MEMBERS = frozenset(
    [
        *("applyOperations", "clear", "constructor", "count", "delete", "emitter"),
        *("hasPrimaryKey", "insert", "iter", "onDelete", "onInsert", "onUpdate"),
        *("removeOnDelete", "removeOnInsert", "removeOnUpdate", "rows"),
        *("tableDef", "update"),
    ]
)
"""What the SDK's tables have themselves, so that no index may be called so."""

VARIANT_MEMBERS = frozenset(
    [
        *("algebraicType", "constructor", "default", "deserialize", "index", "name"),
        *("optional", "primaryKey", "serialize", "type", "typeName", "unique"),
        "variants",
    ]
)
"""What the SDK's sums have themselves, so that no variant may be called so."""


def camel_case(name: str) -> str:
    """Give a name in camel case, for what is no letter or digit taken out.

    >>> camel_case("player_id"), camel_case("hit points"), camel_case("auth.session")
    ('playerId', 'hitPoints', 'authSession')
    >>> camel_case("2nd try"), camel_case("→")
    ('_2ndTry', '_')
    """
    words = _WORD.findall(name)
    if not words:
        return "_"
    first, *rest = words
    made = first[0].lower() + first[1:]
    made += "".join([each[0].upper() + each[1:] for each in rest])
    return f"_{made}" if made[0].isdecimal() else made


def sdk_accessor(name: str) -> str:
    """Give the name under which the SDK offers a reducer or procedure.

    >>> sdk_accessor("set_name"), sdk_accessor("auth.log_in")
    ('setName', 'auth.logIn')
    """
    joined = re.sub(r"[-_]+", "_", name)
    made = re.sub(r"_([a-zA-Z0-9])", lambda found: found[1].upper(), joined)
    return made[:1].lower() + made[1:]


def accessors(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Give an accessor for each name, all of them different.

    Args:
        names: On the wire.
        taken: What none may be.
    """
    free = FreeNames({*taken})
    return [free.take(camel_case(each)) for each in names]


def quoted(text: str) -> str:
    """Give a text as a literal."""
    return json.dumps(text, ensure_ascii=False)


def shown_key(name: str) -> str:
    """Give a name as the key of an object: quoted where it has to be."""
    return name if _PLAIN.fullmatch(name) else quoted(name)
