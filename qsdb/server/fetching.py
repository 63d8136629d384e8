"""`fetch_document`: ask an issuer of tokens for a document, with bounds.

What is fetched is small, comes within seconds, and from where it was asked for: a
redirection is refused, since it might lead into the network of this server.
"""

import urllib.request
from http.client import HTTPMessage
from typing import IO

from qsdb.server.issuers import DOCUMENT_BYTES_MAX, check_address

__all__ = ["SECONDS_MAX", "fetch_document"]

SECONDS_MAX = 10.0
"""So long the other side may be silent."""


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        raise OSError(f"{req.full_url} leads elsewhere ({code})")


def fetch_document(address: str) -> bytes:
    """Give the document at an address.

    Raises:
        OSError: there is none, or it does not come in time.
        ValueError: it is too long.
        ArgumentError: the address is none that may be asked.
    """
    request = urllib.request.Request(  # noqa: S310  the address is looked at
        check_address(address), headers={"accept": "application/json"}
    )
    opener = urllib.request.build_opener(_NoRedirection())
    with opener.open(request, timeout=SECONDS_MAX) as answer:
        data: bytes = answer.read(DOCUMENT_BYTES_MAX + 1)
    if len(data) > DOCUMENT_BYTES_MAX:
        raise ValueError(f"{address} gives more than {DOCUMENT_BYTES_MAX} bytes")
    return data
