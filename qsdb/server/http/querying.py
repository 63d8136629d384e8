"""SQL: one statement, and its result as JSON.

The answer is a list of one object::

    [{"schema": {"elements": […]}, "rows": [[…], …], "total_duration_micros": 80,
      "stats": {"rows_inserted": 0, "rows_deleted": 0, "rows_updated": 0}}]

Rows are arrays, in the order of the elements, in the unnamed form of SATS-JSON.
"""

from collections.abc import Sequence

import attrs
from starlette.responses import Response

from qsdb.codec.sats_json import json_writer
from qsdb.errors import (
    AccessError,
    ArgumentError,
    ConstraintError,
    QueryError,
    ReadOnlyError,
)
from qsdb.runtime.callers import Caller
from qsdb.runtime.prepared import PreparedChange, PreparedInsertion, PreparedQuery
from qsdb.runtime.result_kinds import result_kind
from qsdb.server.algebraic_types import inline_product
from qsdb.server.http.bodies import json_response
from qsdb.server.http.endpoints import Guest
from qsdb.server.http.refusals import Refusal
from qsdb.server.http.visiting import settle, visit
from qsdb.server.texts import query_text
from qsdb.sql.statements import Explanation
from qsdb.values.compounds import Field, OptionKind, ProductKind
from qsdb.values.kinds import STR, U64, Stored

__all__ = ["sql"]

_NOTHING = ProductKind("row", ())
_PLAN = ProductKind("row", (Field("plan", STR),))
_LIMIT = ProductKind("row", (Field("row_limit", OptionKind(U64)),))


async def sql(guest: Guest) -> Response:
    """Run a statement of SQL, as whoever asks."""
    is_confirmed = guest.flag("confirmed")
    desk = guest.desk
    body = await desk.read_body(guest.request, desk.options.sql_bytes_max)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refusal(400, "a statement is text in UTF-8") from None

    def work() -> Response:
        with visit(guest) as caller:
            try:
                answered = _answer(guest, caller, text)
            except QueryError as error:
                about = guest.served.logged
                said = query_text(about, error, is_owner=guest.is_owner)
                raise Refusal(400, said) from None
            except AccessError as error:
                raise Refusal(403, str(error)) from None
            except (ArgumentError, ConstraintError, ReadOnlyError) as error:
                raise Refusal(400, str(error)) from None
        if is_confirmed:
            settle(guest)
        return answered

    return await guest.desk.run(guest.served, work)


@attrs.frozen
class _Answered:
    """What came of a statement."""

    kind: ProductKind
    rows: Sequence[Stored] = ()
    inserted: int = 0
    deleted: int = 0
    updated: int = 0


def _answer(guest: Guest, caller: Caller, text: str) -> Response:
    """Run a statement, on this thread.

    Raises:
        QueryError, AccessError, ArgumentError, ConstraintError, ReadOnlyError: as
            `Database.sql`.
    """
    ticks = guest.served.access.calls.meters.ticks
    began = ticks()
    found = _answered(guest, caller, text)
    write = json_writer(found.kind, named=False)
    data = {
        "schema": inline_product(found.kind),
        "rows": [write(row) for row in found.rows],
        "total_duration_micros": (ticks() - began) // 1000,
        "stats": {
            "rows_inserted": found.inserted,
            "rows_deleted": found.deleted,
            "rows_updated": found.updated,
        },
    }
    return json_response([data])


def _answered(guest: Guest, caller: Caller, text: str) -> _Answered:
    access = guest.served.access
    prepared = access.prepared(text, guest.credentials.identity)
    if isinstance(prepared, PreparedQuery):
        selected, rows = access.select(text, caller.identity)
        return _Answered(result_kind(selected.plan.query), rows())
    if isinstance(prepared, Explanation) and not guest.is_owner:
        # A filter of rows may look at tables that strangers must not know of.
        raise AccessError("only the owner is told how a query is answered")
    result = caller.sql(text)
    count = result.rows_affected
    if isinstance(prepared, PreparedInsertion):
        return _Answered(_NOTHING, inserted=count or 0)
    if isinstance(prepared, PreparedChange):
        if prepared.make is None:
            return _Answered(_NOTHING, deleted=count or 0)
        return _Answered(_NOTHING, updated=count or 0)
    if count is not None:
        return _Answered(_NOTHING)
    rows_kind = _PLAN if isinstance(prepared, Explanation) else _LIMIT
    return _Answered(rows_kind, [tuple(row) for row in result.rows])
