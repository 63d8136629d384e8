"""A Python module that clients import in place of a server's module.

It declares the tables that clients see, with their classes of rows, and the functions
that they may call, without what these do; so a client needs nothing of the server's
source::

    import chat_client
    import qsdb.client

    connection = qsdb.client.connect(url, "chat", module=chat_client.module)
    chat_client.typed(connection).reducers.send("lobby", "hi")
    connection.call(chat_client.send, "lobby", "hi")  # the same

Rules:

1. What goes over the network is the same as with the server's module: names of tables,
   columns and functions, kinds, and the order of everything.
2. Columns have no defaults, and tables run nothing: both are the server's business.
   Parameters keep defaults that have a literal, where all behind them have one.
3. Classes whose names are taken, by functions as a rule, get a number behind them.
"""

from collections.abc import Iterator

from qsdb.generate.headers import header_lines, seen_functions, seen_tables
from qsdb.generate.python_protocols import Protocols
from qsdb.generate.python_signatures import inside, parameter_texts, returned_text
from qsdb.generate.python_tables import class_lines, further_table
from qsdb.generate.python_types import ClassDeclarations
from qsdb.schema.functions import Reducer
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.procedures import Procedure
from qsdb.schema.views import View, ViewSchema

__all__ = ["python_client"]


def python_client(module: ModuleSchema, *, command: str, private: bool = False) -> str:
    """Give the source.

    Args:
        module: What clients are for.
        command: What made it, for the header.
        private: Whether tables and functions are in it that only the owner sees.
    """
    return "\n".join([*_Source(module, command, private=private).lines(), ""])


class _Source:
    """Writes a source."""

    def __init__(self, module: ModuleSchema, command: str, *, private: bool) -> None:
        self._module = module
        self._reducers = seen_functions(module.reducers, private=private)
        self._procedures = seen_functions(module.procedures, private=private)
        self._views = [
            each
            for each in module.views.values()
            if private or each.bound.schema.is_public
        ]
        self._tables = [
            each
            for each in seen_tables(module, private=private)
            if not isinstance(each.schema, ViewSchema)
        ]
        named = [
            *[each.name for each in self._reducers],
            *[each.name for each in self._procedures],
            *[each.name for each in self._views],
        ]
        self._classes = ClassDeclarations([each for each in named if "." not in each])
        free = self._classes.free
        self._module_names = {"": free.take("module")}
        whole = [*[each.schema.name for each in self._tables], *named]
        for path in dict.fromkeys([each.rpartition(".")[0] for each in whole]):
            self._name_mounted(path)
        self._protocols = Protocols(
            self._classes, [*self._module_names], self._reducers, self._procedures
        )
        what = header_lines(module, "The client's side", command)
        what = [each.replace("\\", r"\\").replace('"', r"\"") for each in what]
        self._header = [f'"""{what[0]}', "", *what[1:], '"""']

    def _name_mounted(self, path: str) -> None:
        """Name the module that is mounted by a path, and those around it."""
        if path not in self._module_names:
            self._name_mounted(path.rpartition(".")[0])
            name = self._classes.free.take(f"{path.replace('.', '_')}_module")
            self._module_names[path] = name

    def lines(self) -> list[str]:
        """Give all of it."""
        tables = [*self._table_lines()]
        functions = [*self._function_lines()]
        ending = [*self._protocols.lines()]
        body = [*self._classes.lines(), *tables, *functions, *ending]
        imports = [*self._import_lines("\n".join(body))]
        modules = [*self._module_lines()]
        return [*self._header, "", *imports, "", *modules, "", "", *body]

    def _import_lines(self, body: str) -> Iterator[str]:
        """Import what is used."""
        yield "from __future__ import annotations"
        yield ""
        classes = self._classes
        modules = ("builtins", "builtins"), ("enum", classes.enum)
        for name, called in (*modules, ("uuid", classes.uuid)):
            if f"{called}." in body:
                yield _import(name, called)
        wanted = [
            name if name == called else f"{name} as {called}"
            for name, called in (
                ("Any", self._protocols.any_name),
                ("Protocol", self._protocols.protocol_name),
                ("cast", self._protocols.cast_name),
            )
        ]
        yield f"from typing import {', '.join(wanted)}"
        yield ""
        yield _import("qsdb", classes.qsdb)

    def _module_lines(self) -> Iterator[str]:
        make = f"{self._classes.qsdb}.Module"
        for path, name in self._module_names.items():
            own = path.rpartition(".")[2] or self._module.name
            yield f"{name} = {make}({own!r})"
        for path, name in self._module_names.items():
            if path:
                outer, _, own = path.rpartition(".")
                yield f"{self._module_names[outer]}.mount({own!r}, {name})"

    def _table_lines(self) -> Iterator[str]:
        names: dict[type, str] = {}
        for bound in self._tables:
            if bound.row_class not in names:
                name = self._classes.free.take(bound.shape.class_name)
                names[bound.row_class] = name
                self._classes.name_rows(bound.shape.kind, name)
        declared: set[type] = set()
        for bound in self._tables:
            owner = self._module_names[bound.schema.name.rpartition(".")[0]]
            name = names[bound.row_class]
            if bound.row_class in declared:
                yield from further_table(bound, name, owner, self._classes)
            else:
                declared.add(bound.row_class)
                yield from class_lines(bound, name, owner, self._classes)
            yield from ("", "")

    # Functions.

    def _function_lines(self) -> Iterator[str]:
        """Declare functions; those of mounted modules stand in a class each."""
        for path in self._module_names:
            lines = [*self._functions_in(path)]
            if not path or not lines:
                yield from lines
                continue
            words = [each.capitalize() for each in path.split(".")]
            yield f"class {self._classes.free.take(''.join(words) + 'Functions')}:"
            yield f'    """Functions of what is mounted as {path}."""'
            yield ""
            for line in lines:
                if line.startswith("@"):
                    yield f"    @{self._classes.builtin('staticmethod')}"
                yield f"    {line}".rstrip()

    def _functions_in(self, path: str) -> Iterator[str]:
        owner, qsdb = self._module_names[path], self._classes.qsdb
        for reducer in inside(self._reducers, path):
            context = f"{qsdb}.ReducerContext"
            yield from self._function(reducer, f"{owner}.reducer", context)
        for procedure in inside(self._procedures, path):
            context = f"{qsdb}.ProcedureContext"
            yield from self._function(procedure, f"{owner}.procedure", context)
        for view in inside(self._views, path):
            yield from self._view(view, owner)

    def _function(
        self, function: Reducer | Procedure, decorator: str, context: str
    ) -> list[str]:
        name = function.name.rpartition(".")[2]
        decorated = f"{decorator}(private=True)" if function.is_private else decorator
        parameters = parameter_texts(function.parameters, self._classes)
        return [
            f"@{decorated}",
            f"def {name}(",
            f"    _: {context},",
            *[f"    {each}," for each in parameters],
            f") -> {returned_text(function, self._classes)}:",
            *_body(),
        ]

    def _view(self, view: View, owner: str) -> list[str]:
        schema = view.bound.schema
        qsdb = self._classes.qsdb
        row = self._classes.annotation(view.bound.shape.kind)
        gives = f"{row} | None"
        if view.gives != "option":
            gives = f"{self._classes.builtin('list')}[{row}]"
        context = "AnonymousViewContext" if view.is_anonymous else "ViewContext"
        columns = view.bound.shape.columns
        key = tuple([columns[place].attribute for place in schema.primary_key])
        return [
            f"@{owner}.view(public={schema.is_public}, primary_key={key!r})",
            f"def {view.name.rpartition('.')[2]}(",
            f"    _: {qsdb}.{context},",
            *[
                f"    {each},"
                for each in parameter_texts(view.parameters, self._classes)
            ],
            f") -> {gives}:",
            *_body(),
        ]


def _body() -> list[str]:
    return ['    """Run on the server."""', "    raise NotImplementedError", "", ""]


def _import(name: str, called: str) -> str:
    return f"import {name}" if name == called else f"import {name} as {called}"
