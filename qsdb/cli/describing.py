"""The command `describe`: the tables and functions of a database."""

import click

from qsdb.cli.definition_pages import all_grids, table_grids
from qsdb.cli.grids import console, print_json
from qsdb.cli.options import as_json, with_target
from qsdb.cli.targets import Target

__all__ = ["describe"]


@click.command()
@with_target
@click.argument("name", required=False)
@as_json
def describe(
    target: Target,
    name: str | None,
    is_json: bool,  # noqa: FBT001  click gives options by name
) -> None:
    """Tell of tables with their columns, keys and indexes, and of functions.

    With NAME of that table or view alone. --json prints the definition of the whole
    module, a RawModuleDef of version 10.
    """
    definition = target.definition(has_returns=not is_json)
    if is_json:
        if name is not None:
            raise click.UsageError("--json prints the whole definition, without NAME")
        print_json(definition, indent=2)
        return
    shown = console()
    pages = all_grids(definition) if name is None else table_grids(definition, name)
    for each in pages:
        shown.print(each)
