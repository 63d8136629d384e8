"""What the value of a setting may be, by its type.

Values are text, since they end as environment variables; a type says which texts.
A sentence about a secret never repeats it.
"""

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from examples.qsbridge.mods.kinds import ConfigType
from examples.qsbridge.mods.limits import CONTROL
from examples.qsbridge.mods.tables import ModConfigField

__all__ = ["VALUE_CHARS_MAX", "value_fault"]

VALUE_CHARS_MAX: Final = 4_096
COLOR: Final = re.compile(r"#[0-9A-Fa-f]{6}")
INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,18})")
FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1


def _is_integer(value: str) -> bool:
    if INTEGER.fullmatch(value) is None:
        return False
    return INTEGER_MIN <= int(value) <= INTEGER_MAX


def _is_float(value: str) -> bool:
    return FLOAT.fullmatch(value) is not None and math.isfinite(float(value))


FORMS: Final[Mapping[ConfigType, tuple[Callable[[str], bool], str]]] = MappingProxyType(
    {
        ConfigType.Color: (lambda text: bool(COLOR.fullmatch(text)), "#rrggbb"),
        ConfigType.Boolean: (lambda text: text in {"true", "false"}, "true or false"),
        ConfigType.Integer: (_is_integer, f"an integer up to {INTEGER_MAX}"),
        ConfigType.Float: (_is_float, "a finite number"),
    }
)
"""Type → what tests a text, and what a text should be."""


def value_fault(field: ModConfigField, value: str) -> str | None:
    """Give what is wrong with a value, as a sentence, or None."""
    if len(value) > VALUE_CHARS_MAX:
        return f"{field.key} has {len(value)} characters, more than {VALUE_CHARS_MAX}"
    if field.config_type is ConfigType.Secret and not value:
        return f"{field.key} is a secret and empty"
    if CONTROL.search(value) is not None:
        return f"{field.key} has control characters"
    if field.config_type is ConfigType.Select and value not in field.options:
        return f"{field.key} is {value!r}, not one of {', '.join(field.options)}"
    is_right, form = FORMS.get(field.config_type, (None, ""))
    if is_right is not None and not is_right(value):
        return f"{field.key} is {value!r}, not {form}"
    return None
