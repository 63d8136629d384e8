"""TLS: whom a client takes for the server that it means.

``wss://`` and ``https://`` speak TLS, and the server's certificate has to count. Which
do is said by `Trust`: those of the system's authorities if nothing is given, those of
the authorities in one file and of no others, or what a context of the program's own
says, which may also show a certificate of the client. It is never passed over that one
does not count; the error says what is wrong with it.
"""

import ssl

from qsdb.errors import ArgumentError, brief
from qsdb.files import StrPath

__all__ = ["Trust", "connecting_fault", "tls_context"]

Trust = ssl.SSLContext | StrPath | None
"""A context, the path of a file of certificates in PEM, or None for the system's."""

_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""What OpenSSL says of a certificate that nobody known has signed."""

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
"""What it says of a server that answers in plain text."""


def tls_context(trust: Trust) -> ssl.SSLContext:
    """Give what TLS is spoken by.

    Raises:
        ArgumentError: it is something else, or has no certificates.
    """
    if isinstance(trust, ssl.SSLContext):
        if trust.protocol is ssl.PROTOCOL_TLS_SERVER:
            raise ArgumentError("tls is a context for servers, and this is a client")
        return trust
    if trust is None:
        return ssl.create_default_context()
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(trust)
    except TypeError:
        raise ArgumentError(
            "tls is an ssl.SSLContext or the path of a file of certificates, not "
            f"{brief(trust)}"
        ) from None
    except (OSError, ValueError) as error:
        raise ArgumentError(
            f"tls: {brief(str(trust))} gives no certificates in PEM: {error}"
        ) from None
    return context


def connecting_fault(error: Exception) -> str:
    """Say why no connection was made, as far as the error tells."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message.rstrip(".")
        hint = "; tls= names a file of authorities that count"
        is_unknown = error.verify_code in _UNKNOWN_AUTHORITY
        return f"its certificate does not count: {said}{hint * is_unknown}"
    if isinstance(error, ssl.SSLError):
        said = str(getattr(error, "reason", None) or error)  # made by hand it has none
        if said in _NO_TLS:
            return "it speaks no TLS there; ws:// does without"
        return f"TLS failed: {said.replace('_', ' ').lower()}"
    return str(error) or type(error).__name__
