"""Claims: what a token says, and whether that can be believed.

The seal of a token is looked at elsewhere. Here is what holds of all tokens, whoever
made them:

==================  =========================================================
claim
==================  =========================================================
``iss``, ``sub``    texts of 1 to 128 bytes; the identity is made from them
``hex_identity``    if it is there, that identity; but see below
``iat``             when the token was made; not in the future
``exp``             when it ends; may be missing, or null
``nbf``             before which it is not good; may be missing
``aud``             for whom it is: a text, or a list of texts; may be missing
==================  =========================================================

Times are seconds since 1970. Clocks of others may be wrong by `LEEWAY_SECONDS`.

The owner of a database has an identity that is made from no claims of a token. So the
server signs tokens for it whose subject is ``owner:`` and the identity. They count only
when they were signed with the server's own key: nobody else can say of somebody that
they are an owner.

Texts of errors say which rule is broken, and nothing of what the token holds.
"""

import functools
from collections.abc import Callable, Collection, Mapping

from qsdb.errors import AccessError
from qsdb.values.identity import Identity

__all__ = [
    "LEEWAY_SECONDS",
    "OWNER_PREFIX",
    "Claims",
    "check_audience",
    "check_times",
    "identity_of",
    "owner_subject",
]

Claims = Mapping[str, object]
"""What a token says."""

LEEWAY_SECONDS = 60
"""By which clocks of those who make tokens may differ from ours."""

OWNER_PREFIX = "owner:"
"""What the subject of an owner's token begins with; the identity follows."""


# Whoever comes once comes often, and making an identity is slow. It looks at what it
# is given.
_made_of: Callable[[object, object], Identity] = functools.lru_cache(maxsize=4096)(
    Identity.from_claims
)


def owner_subject(identity: Identity) -> str:
    """Give the subject of tokens of somebody who owns a database."""
    return f"{OWNER_PREFIX}{identity.to_hex()}"


def identity_of(claims: Claims, own_issuer: str, *, is_own: bool) -> Identity:
    """Give the identity of whom a token speaks.

    Args:
        claims: What it says.
        own_issuer: What this server is called in tokens that it makes.
        is_own: Whether this server has signed it.

    Raises:
        AccessError: issuer or subject are missing or too long, or the token claims to
            be of somebody else than they say.
    """
    issuer, subject = claims.get("iss"), claims.get("sub")
    try:
        found = _made_of(issuer, subject)
    except (TypeError, ValueError):
        raise AccessError(
            "the token needs an issuer and a subject, each of 1 to 128 bytes"
        ) from None
    said = claims.get("hex_identity")
    if said is None or said == found.to_hex():
        return found
    is_of_server = is_own and issuer == own_issuer
    if is_of_server and isinstance(said, str) and subject == f"{OWNER_PREFIX}{said}":
        return Identity.from_hex(said)
    raise AccessError("the token's hex_identity is not that of its issuer and subject")


def check_times(claims: Claims, now: float) -> None:
    """Refuse what has ended, or has not begun.

    Raises:
        AccessError: it has; or a time is no number.
    """
    made, ends = _time(claims, "iat"), _time(claims, "exp")
    begins = _time(claims, "nbf")
    if made is None:
        raise AccessError("the token does not say when it was made (iat)")
    if ends is not None and ends <= now:
        raise AccessError("the token has expired")
    if max(made, made if begins is None else begins) > now + LEEWAY_SECONDS:
        raise AccessError("the token is not valid yet")


def _time(claims: Claims, name: str) -> float | None:
    given = claims.get(name)
    if given is None:
        return None
    # Any int is taken and compared as it is; a NaN would compare with nothing.
    if type(given) is int or (type(given) is float and given == given):
        return given
    raise AccessError(f"the token's {name} is no number of seconds")


def check_audience(claims: Claims, audiences: Collection[str]) -> None:
    """Refuse what is for others.

    Args:
        claims: What the token says.
        audiences: What this server is called by those who make tokens; empty if
            nobody has said, and then all is taken.

    Raises:
        AccessError: the token names none of them.
    """
    given = claims.get("aud")
    named = given if isinstance(given, list) else [given]
    if audiences and not any(isinstance(n, str) and n in audiences for n in named):
        raise AccessError("the token is for another audience")
