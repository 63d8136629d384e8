"""`Credentials`: who a request comes from, as a token has shown.

`qsdb.server.authority` makes and checks tokens; all else is told of credentials.
"""

from collections.abc import Mapping

import attrs

from qsdb.values.identity import Identity

__all__ = ["Credentials"]


@attrs.frozen
class Credentials:
    """Who somebody is.

    Attributes:
        identity: It.
        claims: All that the token says.
        token: What shows it: the one that was given, or a new one.
    """

    identity: Identity
    claims: Mapping[str, object]
    token: str
