"""Where a request has its token: in a header, or in the address.

Browsers cannot set headers of WebSockets, so these have the token as ``?token=…``. The
header ``Authorization: Bearer …`` counts more.
"""

from collections.abc import Sequence

from qsdb.errors import ArgumentError

__all__ = ["token_of"]


def token_of(headers: Sequence[str], in_address: str | None) -> str | None:
    """Give the token of a request; None if it has none.

    Args:
        headers: The values of all its headers ``Authorization``.
        in_address: What its address has as ``token``.

    Raises:
        ArgumentError: there are several headers, or it is of another form.
    """
    if not headers:
        return in_address or None
    scheme, _, token = headers[0].partition(" ")
    token = token.strip()
    if len(headers) > 1 or scheme.lower() != "bearer" or not token or " " in token:
        raise ArgumentError("the header Authorization is not of the form: Bearer TOKEN")
    return token
