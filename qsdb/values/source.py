"""Compiles generated source: the one place where qsdb makes code at run time.

Where a loop over columns would run for every row, qsdb writes the loop out:
row constructors, value checks, table operations and codecs are generated
once per table as Python source and compiled here. Generated code can be read:
set `listener` to ``print`` to see each piece when it is made, and tracebacks
show its lines, since `linecache` knows them as long as the code is there. Each kind
of generated code has a slow and obvious twin in the tests.
"""

import linecache
from collections.abc import Callable

__all__ = ["Names", "compile_source", "printable", "set_listener"]

_listeners: list[Callable[[str], object]] = []
_counts: dict[str, int] = {}


def set_listener(listener: Callable[[str], object] | None) -> None:
    """Have each generated source shown to `listener`; None ends it."""
    _listeners[:] = [] if listener is None else [listener]


_BUILTINS: dict[str, object] = {
    f"_{each.__name__}": each
    for each in (any, bool, bytes, float, id, int, len, map, str, tuple, type)
}


class Names:
    """The global names of one piece of generated source: name → object.

    Columns and parameters become variables of generated code under their own
    names, and a column may well be called ``type`` or ``len``. So every name
    bound here begins with an underscore, which a column's may not, and the
    built-ins that generated code uses are bound as ``_type``, ``_len``, ….

    >>> names = Names()
    >>> names.bind("limit", 7), names.bind("limit", 7), names.bind("limit", 8)
    ('_limit', '_limit', '_limit_2')
    """

    def __init__(self, **names: object) -> None:
        """Begin with `names` bound, each with an underscore in front."""
        self.objects: dict[str, object] = dict(_BUILTINS)
        self._bound: dict[tuple[str, int], str] = {}
        """Name and identity of an object → under which name it is."""
        self._numbers: dict[str, int] = {}
        """Name → how many objects have it, so that none is counted again."""
        for name, value in names.items():
            self.bind(name, value)

    def bind(self, name: str, value: object) -> str:
        """Bind `value` under `name`, or under a numbered name if that is taken.

        The same object under the same name is bound once.
        """
        found = self._bound.get((name, id(value)))
        if found is not None:
            return found
        number = self._numbers.get(name, 1)
        candidate = f"_{name}" if number == 1 else f"_{name}_{number}"
        while candidate in self.objects and self.objects[candidate] is not value:
            number += 1
            candidate = f"_{name}_{number}"
        self._numbers[name] = number
        self._bound[name, id(value)] = candidate
        self.objects[candidate] = value
        return candidate


class _Lines:
    """Among the globals of generated code; takes its lines along when they go."""

    __slots__ = ("_filename", "_forget")

    def __init__(self, filename: str) -> None:
        self._filename = filename
        # At the end of the program the module may be gone before this is.
        self._forget = linecache.cache.pop

    def __del__(self) -> None:
        self._forget(self._filename, None)


def printable(text: str) -> str:
    r"""Give a text with whatever cannot be shown escaped: it may be a user's name.

    >>> printable("a\0b"), printable("naïve")
    ('a\\x00b', 'naïve')
    """
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else repr(char)[1:-1] for char in text])


def compile_source(title: str, source: str, names: Names) -> dict[str, object]:
    """Run `source` and give the names that it defined together with `names`.

    Args:
        title: Where the code belongs, for tracebacks: ``"message operations"``. What
            cannot be printed is escaped; the name of a file holds no NUL.
        source: Python text. It must hold no text of a user's but checked
            identifiers and `repr`s.
        names: What the source may refer to.

    Cost: about a millisecond for a hundred lines.
    """
    title = printable(title)
    _counts[title] = number = _counts.get(title, 0) + 1
    filename = f"<qsdb {title}>" if number == 1 else f"<qsdb {title} {number}>"
    for listener in _listeners:
        listener(f"# {filename}\n{source}")
    lines = source.splitlines(keepends=True)
    linecache.cache[filename] = (len(source), None, lines, filename)
    namespace: dict[str, object] = dict(names.objects)
    namespace["<lines>"] = _Lines(filename)
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102  the one place
    return namespace
