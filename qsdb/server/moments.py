"""Moments between two commits at which queries of a client begin and end.

A place is kept in the client's outbox there (`Outbox.reserve`), and the database is
read as it was then. So an answer has exactly the commits before it, and what later ones
change comes behind it, whoever makes the answer and however long that takes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from qsdb.runtime.asked import Asked, first_result
from qsdb.server.outboxes import Place
from qsdb.server.peers import Peer
from qsdb.server.query_sets import ServedQuery
from qsdb.sql.readable import StoredRow
from qsdb.store.reads import ReadTransaction

__all__ = ["Moment", "begin", "finish"]


@attrs.frozen(eq=False)
class Moment:
    """A moment between two commits.

    Attributes:
        reading: The database then; it is to be closed.
        place: Where the answer stands.
        asked: What each query asked then; with a module that is published later it
            asks other tables.
    """

    reading: ReadTransaction
    place: Place
    asked: Mapping[ServedQuery[Any], Asked]

    def rows(self, query: ServedQuery[Any]) -> list[StoredRow]:
        """Give the result of a query then; of events nobody asks for one.

        Raises:
            QueryError: it has none.
        """
        asked = self.asked[query]
        return first_result(asked, self.reading, query.caller, query.values)


def begin(peer: Peer, queries: Sequence[ServedQuery[Any]]) -> Moment:
    """Have queries kept current from now on.

    Raises:
        QueryError: a view fails.
        RepublishedError: another module was published meanwhile; ask again.
        ClosedError: the database is closed.
    """
    hub, places = peer.access.subscriptions, list[Place]()
    asked = {each: each.asked for each in queries}
    triples = [(each, asked[each], each.values) for each in queries]

    def begun(offset: int) -> None:
        places.append(peer.outbox.reserve(offset))

    reading = hub.enter(triples, peer.sender.identity.stored, begun)
    [place] = places
    return Moment(reading, place, asked)


def finish(peer: Peer, queries: Sequence[ServedQuery[Any]]) -> Moment:
    """Have queries kept current no more.

    Raises:
        ClosedError: the database is closed.
    """
    moments: list[Moment] = []

    def ended(offset: int) -> None:
        asked = {each: each.asked for each in queries}
        reading = peer.access.calls.writer.directory.read()
        moments.append(Moment(reading, peer.outbox.reserve(offset), asked))

    peer.access.subscriptions.leave(queries, ended)
    [moment] = moments
    return moment
