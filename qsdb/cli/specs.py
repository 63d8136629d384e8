"""``NAME=PACKAGE:MODULE``: which module to serve, and under which name.

``examples.chat:chat`` is the object ``chat`` in the Python module ``examples.chat``;
without a name its database is called like the qsdb module, with ``-`` for ``_``.
"""

import importlib
import sys
import traceback
from collections.abc import Iterable
from types import ModuleType

import attrs

from qsdb.cli.targets import RequestError
from qsdb.errors import ArgumentError, brief
from qsdb.schema.modules import Module
from qsdb.server.hosts import check_name

__all__ = ["Spec", "load_specs", "module_in", "parse_spec", "told_failure"]


@attrs.frozen
class Spec:
    """A module of a user's, by name.

    Attributes:
        name: What the database is called; None for the module's own name.
        package: The Python module, dotted.
        path: The object in it: names joined by dots.
    """

    name: str | None
    package: str
    path: str

    def __str__(self) -> str:
        """Give what was typed, without the name."""
        return f"{self.package}:{self.path}"


def parse_spec(text: str) -> Spec:
    """Read a spec.

    Raises:
        ArgumentError: it is none, or the name is none.

    >>> parse_spec("chat=examples.chat:chat")
    Spec(name='chat', package='examples.chat', path='chat')
    """
    name, equals, rest = text.partition("=")
    if not equals:
        name, rest = "", text
    package, _, path = rest.partition(":")
    parts = [*package.split("."), *path.split(".")]
    if not all(each.isidentifier() for each in parts):
        raise ArgumentError(
            f"{brief(text)} is not [NAME=]PACKAGE:MODULE, as in chat=examples.chat:chat"
        )
    return Spec(check_name(name) if equals else None, package, path)


def load_specs(specs: Iterable[Spec]) -> dict[str, tuple[Spec, Module]]:
    """Import modules: name of the database → spec and module.

    Raises:
        RequestError: one cannot be imported; the place is told.
        ArgumentError: it is no module, or two databases have one name.
    """
    found: dict[str, tuple[Spec, Module]] = {}
    for spec in specs:
        module = module_in(_import(spec.package), spec)
        name = spec.name
        if name is None:
            name = check_name(module.name.replace("_", "-"))
        other = found.setdefault(name, (spec, module))[0]
        if other is not spec:
            raise ArgumentError(
                f"two databases are called {name}, of {other} and of {spec}; give one "
                f"another name: NAME={spec}"
            )
    return found


def _import(package: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # the working directory, as with ``python -m``
    try:
        return importlib.import_module(package)
    except Exception as error:  # whatever a user's module raises
        raise RequestError(told_failure(error)) from error


def module_in(python: ModuleType, spec: Spec) -> Module:
    """Give the qsdb module of a spec.

    Args:
        python: The Python module, imported.
        spec: It.

    Raises:
        ArgumentError: there is none.
    """
    found: object = python
    for name in spec.path.split("."):
        if not hasattr(found, name):
            modules = [n for n, each in vars(python).items() if type(each) is Module]
            there = ", ".join(modules) or "none"
            raise ArgumentError(
                f"{spec}: {spec.package} has no {name}; its qsdb modules are: {there}"
            )
        found = getattr(found, name)
    if not isinstance(found, Module):
        raise ArgumentError(f"{spec} is no qsdb.Module but {brief(found)}")
    return found


def told_failure(error: BaseException) -> str:
    """Say in one sentence why an import failed, and where: ``chat.py:3: …``."""
    what = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError) and error.filename is not None:
        what = f"{type(error).__name__}: {error.msg}"
        return f"{error.filename}:{error.lineno}: {what}"
    frames = [
        each
        for each in traceback.extract_tb(error.__traceback__)
        if not each.filename.startswith("<frozen")
    ]
    # The first frames are ours, and importlib's; the last is where it was raised.
    own = [each for each in frames if not _is_ours(each.filename)]
    return f"{own[-1].filename}:{own[-1].lineno}: {what}" if own else what


def _is_ours(filename: str) -> bool:
    """Whether a file belongs to importing, or to qsdb."""
    ours = __file__.removesuffix("cli/specs.py").removesuffix("cli\\specs.py")
    return filename.startswith(ours) or filename == importlib.__file__
