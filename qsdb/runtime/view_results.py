"""What a view gives, checked: rows of its class, and a query for such rows."""

from collections.abc import Mapping, Sequence

from qsdb.errors import KindError, UsageError, brief
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.rows import stored_of
from qsdb.schema.views import View
from qsdb.sql.relations import Selected
from qsdb.sql.typed import is_optional
from qsdb.store.operations import canonical_row
from qsdb.store.orders import StoredRow, key_function
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import Kind

__all__ = ["MisgivenError", "require_columns", "require_keys", "rows_given"]


class MisgivenError(UsageError):
    """A view gave what it is not to give."""


def rows_given(view: View, given: object) -> list[StoredRow]:
    """Check what a view gave, and give its rows as they are stored, each once."""
    row_class = view.bound.row_class
    rows: Sequence[object]
    if view.gives == "option":
        rows = () if given is None else (given,)
    elif isinstance(given, list | tuple) and not isinstance(given, row_class):
        rows = given
    else:
        raise MisgivenError(f"it gave {brief(given)}, not a list of rows")
    canonical = canonical_row(view.bound)
    found: dict[StoredRow, None] = {}
    for row in rows:
        if type(row) is not row_class:
            raise MisgivenError(
                f"it gave {brief(row)}, not a row of the class {row_class.__name__}"
            )
        try:
            found[canonical(stored_of(row))] = None
        except KindError as error:
            said = f"{brief(error.value)} is not {error.admitted}"
            raise MisgivenError(f"column {error.column}: {said}") from None
    if view.bound.schema.primary_key:
        require_keys(view, found)
    return [*found]


def require_keys(view: View, rows: Mapping[StoredRow, None]) -> None:
    """Refuse rows that have a key in common."""
    key_of = key_function(view.bound)
    keys: dict[object, StoredRow] = {}
    for row in rows:
        key = key_of(row)
        if keys.setdefault(key, row) is not row:
            columns = view.bound.schema.primary_key
            names = ", ".join(view.bound.schema.column_names(columns))
            shown = brief(view.bound.users_key(columns, key))
            raise MisgivenError(f"two rows have the primary key {names} = {shown}")


def require_columns(query: Selected, bound: BoundTable) -> None:
    """Refuse a query that does not give the columns of a class of rows."""
    wanted = [
        (
            each.name,
            each.kind.inner if isinstance(each.kind, OptionKind) else each.kind,
            isinstance(each.kind, OptionKind),
        )
        for each in bound.schema.columns
    ]
    given = [
        (each.name, each.term.kind, is_optional(each.term)) for each in query.outputs
    ]
    is_fitting = len(given) == len(wanted) and all(
        name == other and kind == expected and (is_free or not is_null)
        for (name, kind, is_null), (other, expected, is_free) in zip(
            given, wanted, strict=True
        )
    )
    if not is_fitting:
        raise MisgivenError(
            f"its query does not give the columns of {bound.row_class.__name__}, "
            f"which are {_told(wanted)}; it gives {_told(given)}"
        )


def _told(columns: Sequence[tuple[str, Kind, bool]]) -> str:
    """Name columns with their kinds, and those that can be absent."""
    return ", ".join(
        [
            f"{name} {kind.name}{' or NULL' if is_null else ''}"
            for name, kind, is_null in columns
        ]
    )
