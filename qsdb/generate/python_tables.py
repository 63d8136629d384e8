"""Tables in a Python source: a class of rows for each, or a further table of one."""

from collections.abc import Iterator, Sequence

from qsdb.generate.python_types import ClassDeclarations
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.shapes import Column
from qsdb.schema.tables import IndexSchema

__all__ = ["class_lines", "further_table"]


def class_lines(
    bound: BoundTable, name: str, owner: str, classes: ClassDeclarations
) -> Iterator[str]:
    """Declare a table with the class of its rows.

    Args:
        bound: The table.
        name: What the class is called.
        owner: The variable of its module.
        classes: Know what kinds are called.
    """
    yield f"class {name}("
    yield f"    {classes.qsdb}.Row,"
    yield f"    module={owner},"
    yield from [f"    {each}," for each in _options(bound, classes)]
    yield "):"
    for column in bound.shape.columns:
        specifier = _specifier(column, classes)
        line = f"    {column.attribute}: {classes.annotation(column.binding.kind)}"
        yield line if specifier is None else f"{line} = {specifier}"


def further_table(
    bound: BoundTable, name: str, owner: str, classes: ClassDeclarations
) -> Iterator[str]:
    """Declare a further table of a class."""
    yield f"{owner}.add_table("
    yield f"    {name},"
    yield from [f"    {each}," for each in _options(bound, classes)]
    yield ")"


def _specifier(column: Column, classes: ClassDeclarations) -> str | None:
    """Write what a column is besides its kind; None where it is nothing."""
    specifier = column.specifier
    words: list[str] = []
    function = "column"
    if specifier.is_primary:
        function = "primary_key"
    elif specifier.is_unique:
        function = "unique"
    elif specifier.algorithm is not None:
        function = "index"
        words += [] if specifier.algorithm == "btree" else [repr(specifier.algorithm)]
    elif specifier.auto_inc:
        function = "auto_inc"
    if specifier.auto_inc and function != "auto_inc":
        words.append("auto_inc=True")
    if column.name != column.attribute:
        words.append(f"name={column.name!r}")
    if function == "column" and not words:
        return None
    return f"{classes.qsdb}.{function}({', '.join(words)})"


def _options(bound: BoundTable, classes: ClassDeclarations) -> Iterator[str]:
    """Write the class keywords: what no specifier of a column says."""
    schema, columns = bound.schema, bound.shape.columns

    def attributes(places: tuple[int, ...]) -> tuple[str, ...]:
        return tuple([columns[place].attribute for place in places])

    yield f"name={schema.name.rpartition('.')[2]!r}"
    yield f"public={schema.is_public}"
    if schema.is_event:
        yield "event=True"
    if schema.primary_key and not any(each.specifier.is_primary for each in columns):
        yield f"primary_key={attributes(schema.primary_key)!r}"
    others = [each for each in schema.indexes if not _is_of_column(each, columns)]
    keys = [attributes(each.columns) for each in others if each.algorithm == "unique"]
    if keys:
        yield f"unique={keys!r}"
    indexes: list[str] = []
    for index in others:
        if index.algorithm != "unique":
            sort = "Hash" if index.algorithm == "hash" else "BTree"
            given = ", ".join(map(repr, attributes(index.columns)))
            made = f"{classes.qsdb}.{sort}({given}, name={index.accessor!r})"
            indexes.append(made)
    if indexes:
        yield f"indexes=[{', '.join(indexes)}]"


def _is_of_column(index: IndexSchema, columns: Sequence[Column]) -> bool:
    """Whether the specifier of a column says that there is an index."""
    first = columns[index.columns[0]]
    if len(index.columns) > 1 or index.accessor != first.attribute:
        return False
    specifier = first.specifier
    if index.algorithm == "unique":
        return specifier.is_unique
    return specifier.algorithm == index.algorithm
