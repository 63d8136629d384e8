"""What is noted of a client: a row of ``st_client``, and one of what its token says.

The claims of a token are JSON, so they are stored as that. The table is private: not
even their names are to be known to strangers.
"""

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.migrated_tables import Migrated, set_rows
from qsdb.schema.rows import Row, stored_of
from qsdb.schema.system import (
    ST_CLIENT,
    ST_CREDENTIALS,
    StClient,
    StConnectionCredentials,
)
from qsdb.store.orders import key_function

__all__ = ["claims_of", "client_of", "credentials_of", "set_clients"]


def client_of(sender: Sender) -> StClient:
    """Give the note of a client."""
    assert sender.connection is not None
    return StClient(sender.identity, sender.connection)


def credentials_of(sender: Sender) -> list[StConnectionCredentials]:
    """Give the note of a client's token, if there is one."""
    claims = sender.auth.claims
    if claims is None:
        return []
    assert sender.connection is not None
    payload = json.dumps({**claims}, separators=(",", ":"))
    return [StConnectionCredentials(sender.connection, payload)]


def claims_of(row: StConnectionCredentials) -> Mapping[str, object]:
    """Give what a token said."""
    return MappingProxyType(json.loads(row.jwt_payload))


def set_clients(found: Migrated, senders: Iterable[Sender]) -> None:
    """Have notes of clients among migrated tables, besides those that there are."""
    notes: dict[int, list[Row]] = {ST_CLIENT: [], ST_CREDENTIALS: []}
    for sender in senders:
        notes[ST_CLIENT].append(client_of(sender))
        notes[ST_CREDENTIALS] += credentials_of(sender)
    for table_id, rows in notes.items():
        [before] = [each for each in found.tables if each.table_id == table_id]
        key_of = key_function(before.bound)
        there = {key_of(row): row for row in map(stored_of, rows)} | before.rows
        set_rows(found, before, [*there.values()])
