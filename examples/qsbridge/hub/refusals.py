"""How the platform refuses a call: a class and a sentence.

The wiki documents no errors (its guard returns silently). Here every refusal is
a `qsdb.ReducerError`, which rolls the call back, and whose text begins with one
of six classes: over a network the text is all that arrives.
"""

from typing import Literal

import qsdb

__all__ = ["RefusalClass", "refusal", "refusal_class"]

RefusalClass = Literal[
    "NotAuthorized",
    "NotFound",
    "AlreadyExists",
    "InvalidArgument",
    "WrongState",
    "Conflict",
]


def refusal(reason: RefusalClass, why: str) -> qsdb.ReducerError:
    """Make the error that refuses a call; the caller raises it."""
    return qsdb.ReducerError(f"{reason}: {why}")


def refusal_class(text: str) -> str:
    """Give the class that a refusal's text begins with.

    >>> refusal_class("Conflict: the player is on another server")
    'Conflict'
    """
    return text.partition(":")[0]
