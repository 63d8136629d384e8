"""What is wrong with JSON data: the value, what would be taken, the way to it.

Whoever reads a value inside another notes its step when a fault passes, so the way is
known without being kept while nothing is wrong.
"""

from qsdb.errors import brief

__all__ = ["JsonFaultError", "case_of", "shown_json"]


class JsonFaultError(Exception):
    """JSON data is no value of a kind; whoever knows the place makes it an error.

    Attributes:
        value: What is wrong, which may be an inner value.
        admitted: What would have been taken, in words.
        steps: The way to `value`, innermost first: names of fields and variants, and
            places in arrays.
    """

    def __init__(self, value: object, admitted: str, *steps: str | int) -> None:
        """Keep all of it."""
        self.value, self.admitted = value, admitted
        self.steps = [*steps]
        super().__init__(value, admitted)

    def __str__(self) -> str:
        """Say what is wrong, and where."""
        at = f"at {self.path}: " if self.steps else ""
        return f"{at}{shown_json(self.value)} is not {self.admitted}"

    @property
    def path(self) -> str:
        """The way from the outermost value: ``.inventory[3].count``."""
        parts = [
            f"[{each}]" if isinstance(each, int) else f".{each}"
            for each in reversed(self.steps)
        ]
        return "".join(parts)


def shown_json(value: object) -> str:
    """Give JSON data for a message; of what is made of parts only how many they are.

    >>> shown_json([1, [2]]), shown_json({"a": 1}), shown_json(None), shown_json("x")
    ('an array of length 2', 'an object of length 1', 'null', "'x'")
    """
    match value:
        case list():
            return f"an array of length {len(value)}"
        case dict():
            return f"an object of length {len(value)}"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str() if len(value) > 80:
            return f"{value[:60]!r}… (a text of length {len(value)})"
        case _:
            return brief(value)


def case_of(
    data: object, variants: tuple[str, ...], admitted: str
) -> tuple[int, object]:
    """Give the tag and the payload of a sum: ``{name: …}``, ``{"0": …}``, ``[0, …]``.

    Raises:
        JsonFaultError: it is none of these forms, or of no such variant.
    """
    match data:
        case dict() if len(data) == 1:
            ((name, payload),) = data.items()
            if name in variants:
                return variants.index(name), payload
            if name.isascii() and name.isdigit() and len(name) <= 3:
                tag = int(name)
                if tag < len(variants):
                    return tag, payload
        case [int(tag), payload] if type(tag) is int and 0 <= tag < len(variants):
            return tag, payload
    raise JsonFaultError(data, admitted)
