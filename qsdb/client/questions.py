"""`Question`: a query as a client knows it, before it is asked.

The server answers with bytes that say nothing of columns. So a text is read here too,
with the tables of the client's module, as the server reads it with its own: what is
wrong is told at once, and what comes back is known.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from qsdb.client.bound_texts import bound_text
from qsdb.codec.bsatn import DecodeError, decoder
from qsdb.errors import ArgumentError, QueryError, brief
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.row_lists import RowList
from qsdb.runtime.asked import require_live, result_shape
from qsdb.runtime.prepared import rows_maker
from qsdb.runtime.result_kinds import result_kind
from qsdb.runtime.updates import Shape
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.views import ViewSchema
from qsdb.sql.arguments import bind_each
from qsdb.sql.everything import asks_for_everything, select_all
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Query
from qsdb.sql.readable import StoredRow
from qsdb.sql.relations import Derived, Selected
from qsdb.sql.statements import Checked, check_statement
from qsdb.values.kinds import Stored

__all__ = ["Question", "Questions"]

Params = Mapping[str, object] | None


@attrs.frozen(eq=False)
class Question:
    """A query.

    Attributes:
        text: As it is sent.
        shape: What its rows are to users.
        table: The table whose whole rows it gives; None if it gives others.
        decode: Reads a row.
    """

    text: str
    shape: Shape
    table: str | None
    decode: Callable[[bytes], Any]

    def rows(self, received: RowList) -> list[StoredRow]:
        """Read rows that were received.

        Raises:
            ProtocolError: they are no rows of this query.
        """
        decode = self.decode
        try:
            return [decode(each) for each in received.split()]
        except DecodeError as error:
            columns = ", ".join(self.shape.columns)
            reason = f"a row of ({columns}) was expected, as {brief(self.text)} gives"
            raise ProtocolError(
                self.table or "a row", error.position, f"{error.reason}; {reason}"
            ) from None


class Questions:
    """Reads texts."""

    def __init__(self, tables: Mapping[str, BoundTable]) -> None:
        """Read them with some tables and views.

        Args:
            tables: All that there may be. What this client may see of them, the server
                knows.
        """
        self._tables = tables
        self._schemas = {name: each.schema for name, each in tables.items()}
        self._public_names = [
            name
            for name, each in self._schemas.items()
            if each.is_public
            and not isinstance(each, ViewSchema)
            and not name.startswith("st_")  # those of the system
        ]

    def once(self, text: str, params: Params) -> Question:
        """Read a query that is asked once.

        Raises:
            QueryError: it is wrong, or no query.
            ArgumentError: parameters do not fit, or cannot be sent.
        """
        query = self._check(text)
        if not isinstance(query, Query | Derived):
            raise QueryError(
                "only a SELECT can be asked over the network; call a reducer to change "
                "anything",
                text,
            )
        [values] = bind_each([query.parameters], params)
        return self._question(text, query, values)

    def live(self, texts: Sequence[object], params: Params) -> list[Question]:
        """Read queries that are to be kept current, each once.

        Raises:
            QueryError: one is wrong, or cannot be kept current.
            ArgumentError: there is none, or parameters do not fit, or cannot be sent.
        """
        if not texts:
            raise ArgumentError("subscribe takes queries, and there is none")
        several = dict.fromkeys([each for text in texts for each in self._texts(text)])
        queries = [require_live(self._check(text), text) for text in several]
        values = bind_each([each.parameters for each in queries], params)
        return [
            self._question(text, query, given)
            for text, query, given in zip(several, queries, values, strict=True)
        ]

    def _texts(self, text: object) -> list[str]:
        if not asks_for_everything(text):
            return [_require_text(text)]
        return [*map(select_all, self._public_names)]

    def _check(self, text: object) -> Checked:
        text = _require_text(text)
        return check_statement(text, parse(text), self._schemas)

    def _question(
        self, text: str, query: Selected, given: Sequence[Stored]
    ) -> Question:
        values = dict(zip(query.parameters, given, strict=True))
        bounds = tuple([self._tables[each.schema.name] for each in query.tables])
        shape, table = result_shape(query, bounds, rows_maker(query, bounds))
        return Question(
            bound_text(text, query, values, self._check),
            shape,
            table,
            decoder(result_kind(query)),
        )


def _require_text(text: object) -> str:
    if type(text) is not str:
        raise ArgumentError(f"a query is a str, not {brief(text)}")
    return text
