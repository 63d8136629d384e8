"""A section of a TOML file that must be understood whole.

What is asked for is taken out, with its type checked; `finish` refuses what is left,
since nobody asked for it.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.kinds import ConfigType

__all__ = ["Section"]

Member = TypeVar("Member", bound=enum.Enum)

DEFAULTS: Final[Mapping[ConfigType, tuple[tuple[type, ...], str]]] = MappingProxyType(
    {
        ConfigType.Boolean: ((bool,), "true or false"),
        ConfigType.Integer: ((int,), "an integer"),
        ConfigType.Float: ((int, float), "a number"),
    }
)
"""Type → what a default is in TOML; of the other types a text."""


class Section:
    """The keys of one section that were not taken yet.

    Attributes:
        path: The section's full name, ``mod.config[2]`` for example.
    """

    def __init__(self, path: str, entries: Mapping[str, object]) -> None:
        """Begin to read a section."""
        self.path = path
        self._left = dict(entries)
        self._known: list[str] = []

    def text(self, key: str, *, required: bool = False) -> str:
        """Take a text; empty if it is missing, and neither if it is required."""
        value = self._taken(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str):
            raise self._wrong(key, value, "a text")
        return value

    def flag(self, key: str) -> bool:
        """Take true or false; false if it is missing."""
        value = self._taken(key)
        if not isinstance(value, bool | None):
            raise self._wrong(key, value, "true or false")
        return bool(value)

    def texts(self, key: str, missing: tuple[str, ...]) -> tuple[str, ...]:
        """Take a list of texts."""
        value = self._taken(key)
        if value is None:
            return missing
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list of texts")
        for each in value:
            if not isinstance(each, str):
                raise self._wrong(key, value, "a list of texts")
        return tuple(value)

    def member(self, key: str, members: type[Member]) -> Member:
        """Take a text that names one of some constants."""
        value = self.text(key, required=True)
        if value not in members.__members__:
            raise self._wrong(key, value, f"one of {', '.join(members.__members__)}")
        return members[value]

    def default(self, config_type: ConfigType) -> str | None:
        """Take the default of a setting, in the form that its type has in TOML.

        Give it as the text that values are.
        """
        value = self._taken("default")
        if value is None:
            return None
        kinds, form = DEFAULTS.get(config_type, ((str,), "a text"))
        if type(value) not in kinds:
            raise self._wrong("default", value, form)
        return str(value).lower() if isinstance(value, bool) else str(value)

    def section(self, key: str) -> "Section":
        """Take a section in this one; an empty one if it is missing."""
        value = self._taken(key)
        if not isinstance(value, dict | None):
            raise self._wrong(key, value, "a section")
        return Section(self._name(key), value or {})

    def sections(self, key: str, count_max: int) -> list["Section"]:
        """Take sections of one name, ``[[…]]``."""
        value = self._taken(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, value, f"sections [[{self._name(key)}]]")
        if len(value) > count_max:
            raise refusal(
                "InvalidArgument",
                f"{self._name(key)} is there {len(value)} times, more than {count_max}",
            )
        found = []
        for number, each in enumerate(value, start=1):
            if not isinstance(each, dict):
                raise self._wrong(key, each, f"sections [[{self._name(key)}]]")
            found.append(Section(f"{self._name(key)}[{number}]", each))
        return found

    def finish(self) -> None:
        """Refuse what is left."""
        for key in self._left:
            raise refusal(
                "InvalidArgument",
                f"{self._name(key)} is not known; {self.path or 'the manifest'} may "
                f"have {', '.join(self._known)}",
            )

    def _taken(self, key: str) -> object:
        self._known.append(key)
        return self._left.pop(key, None)

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _wrong(self, key: str, value: object, form: str) -> Exception:
        if value is None:
            return refusal("InvalidArgument", f"{self._name(key)} is missing")
        shown = repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:80]}…"
        return refusal("InvalidArgument", f"{self._name(key)} is {shown}, not {form}")
