"""`SchemaCheck`: whether the server has the tables that a client expects.

Rows come as bytes that say nothing of columns. A client whose module is another one
than the server's would read numbers where texts are; so both are compared before
anything else, whenever a connection is made. What only one of them has does no harm:
nobody asks for it, or it is refused.
"""

import logging
from collections.abc import Mapping

from qsdb.client.addresses import Address
from qsdb.client.definition_reading import ServedModule, read_definition
from qsdb.client.fetching import fetch
from qsdb.client.settings import Settings
from qsdb.client.type_reading import DefinitionError, wire_form
from qsdb.errors import AccessError, SchemaError
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.row_shapes import columns_text
from qsdb.schema.tables import TableSchema

__all__ = ["SchemaCheck", "UntoldError", "fetch_module"]

DEFINITION_BYTES_MAX = 16 << 20

_LOGGER = logging.getLogger("qsdb.client")


class UntoldError(Exception):
    """A server does not tell what a database is like.

    Attributes:
        status: Of its answer, as in HTTP.
        text: What that says.
    """

    def __init__(self, status: int, text: str) -> None:
        """Keep both."""
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text


class SchemaCheck:
    """Compares what a client expects with what a server has."""

    def __init__(self, name: str, tables: Mapping[str, BoundTable]) -> None:
        """Expect tables.

        Args:
            name: Of the module.
            tables: They, and views.
        """
        self._name = name
        self._expected = {name: each.schema for name, each in tables.items()}

    async def run(
        self, address: Address, token: str | None, settings: Settings
    ) -> None:
        """Ask the server, and compare.

        A server that does not tell is taken as it is.

        Raises:
            SchemaError: a table or view has other columns there; each is told.
            NotConnectedError: the server cannot be reached.
            AccessError: it refuses.
        """
        try:
            served = await fetch_module(address, token, settings)
        except UntoldError as error:
            _LOGGER.info("no definition of %s: %s", address.path, error)
            return
        faults = [
            f"{name} is {columns_text(there)} there, and {columns_text(here)} here"
            for name, here in self._expected.items()
            if (there := served.tables.get(name)) is not None
            and _form(here) != _form(there)
        ]
        if faults:
            where = f"the server has another module than {self._name}: table "
            raise SchemaError(*[f"{where}{fault}" for fault in faults])


def _form(schema: TableSchema) -> object:
    columns = [(each.name, wire_form(each.kind)) for each in schema.columns]
    return (columns, schema.is_event)


async def fetch_module(
    address: Address, token: str | None, settings: Settings
) -> ServedModule:
    """Ask a server for the definition of a database.

    Raises:
        UntoldError: it does not tell.
        NotConnectedError: it cannot be reached.
        AccessError: it refuses.
    """
    answer = await fetch(
        address,
        address.schema_path,
        token,
        bytes_max=DEFINITION_BYTES_MAX,
        timeout=settings.connect_timeout,
    )
    text = answer.body[:1000].decode(errors="replace").strip()
    if answer.status in (401, 403):
        raise AccessError(f"the connection was refused: {answer.status} {text}")
    if answer.status != 200:
        raise UntoldError(answer.status, text)
    try:
        return read_definition(answer.body)
    except DefinitionError as error:
        raise SchemaError(f"the server's definition cannot be read: {error}") from None
