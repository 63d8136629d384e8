"""Names in the definition of a module: what SpacetimeDB calls an identifier.

An identifier is in Unicode's form NFC, begins with a letter or ``_``, and goes on with
letters, digits and ``_`` (XID_Start, XID_Continue): as Python's, but for NFC.

Names that clients send (of tables, columns, functions, parameters, variants) cannot be
changed: one that is no identifier is refused, with all others of the module. Words that
are reserved in SQL are let through: SDKs take them, and only the official generator
does not.
"""

import unicodedata

from qsdb.errors import brief

__all__ = ["FreeNames", "fault_of_identifier", "identifier_of"]


def fault_of_identifier(name: str) -> str | None:
    """Say why a name is no identifier, or None.

    >>> fault_of_identifier("hit_points"), fault_of_identifier("hit points")
    (None, "the name 'hit points' is no identifier")
    """
    if name.isidentifier() and unicodedata.is_normalized("NFC", name):
        return None
    return f"the name {brief(name)} is no identifier"


def identifier_of(text: str) -> str:
    """Give an identifier that reads like a text.

    >>> identifier_of("Point"), identifier_of("2 points")
    ('Point', '_2_points')
    """
    text = unicodedata.normalize("NFC", text)
    letters = [each if f"_{each}".isidentifier() else "_" for each in text]
    made = "".join(letters)
    return made if made.isidentifier() else f"_{made}"


class FreeNames:
    """Names of a module's objects, of which each stands for one."""

    def __init__(self, taken: set[str]) -> None:
        """Begin with the names that are given."""
        self._taken = taken

    def take(self, name: str) -> str:
        """Give a name, with a number behind it if it is taken: ``user_id_key_2``."""
        number, candidate = 1, name
        while candidate in self._taken:
            number += 1
            candidate = f"{name}_{number}"
        self._taken.add(candidate)
        return candidate
