"""What can go wrong with a call because there is a network between.

=====================  =======================================================
error                  what happened
=====================  =======================================================
`NotConnectedError`    nothing was asked: it may be asked again
`UnansweredError`      it was asked, and no answer came: it may have been done
`RemoteError`          the server says that it failed
`ReducerError`         the reducer refused, as in process
`ProtocolError`        the server sent what is no message
=====================  =======================================================

What is wrong with names and arguments is found out before anything is sent, and raised
as in process.
"""

from qsdb.errors import QsdbError

__all__ = ["NotConnectedError", "RemoteError", "UnansweredError"]


class NotConnectedError(QsdbError):
    """There is no connection to the server now, so nothing was asked."""


class UnansweredError(QsdbError):
    """No answer came, in time or before the connection was lost.

    What was asked may have been done, or not, or may be done yet: look before asking
    again for what must not happen twice.
    """


class RemoteError(QsdbError):
    """The server could not do it; the text is its own.

    A function raised what was no `ReducerError`, or the server does not know it. What
    a reducer had done is undone.
    """
