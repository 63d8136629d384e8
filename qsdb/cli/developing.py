"""`Developing`: databases whose modules follow their source.

After each change all modules are imported afresh, and then each database in turn is
told: what the plan is, and whether it was published. What fails is told too, and the
module that was published goes on serving.
"""

from collections.abc import Callable, Iterable, Mapping

from qsdb.cli.fresh_imports import import_afresh, sources_of
from qsdb.cli.specs import Spec
from qsdb.cli.targets import RequestError
from qsdb.errors import ClosedError, QsdbError
from qsdb.runtime.database import Database
from qsdb.schema.modules import Module

__all__ = ["Developing"]


class Developing:
    """Databases whose modules follow their source.

    Attributes:
        sources: Where the source is: folders, or files.
    """

    def __init__(
        self,
        databases: Mapping[str, tuple[Spec, Database]],
        *,
        show: Callable[[str], object],
        confirm: Callable[[str], bool],
    ) -> None:
        """Prepare.

        Args:
            databases: Name → spec of its module, and the database.
            show: Is told what happens.
            confirm: Is asked whether to publish what disconnects clients.

        Raises:
            UsageError: the source of a module is in no file.
        """
        self._databases = databases
        self._specs = {name: spec for name, (spec, _) in databases.items()}
        self._show = show
        self._confirm = confirm
        self.sources = sources_of(self._specs.values())

    def follow(self, changes: Iterable[object]) -> None:
        """Publish after each change, until there are no more or the databases end.

        Args:
            changes: Gives something each time when the source has changed.
        """
        for _ in changes:
            try:
                self.publish()
            except ClosedError:
                return

    def publish(self) -> None:
        """Import the source as it is, and publish it.

        Raises:
            ClosedError: a database was closed.
        """
        try:
            modules = import_afresh(self._specs)
        except (QsdbError, RequestError) as error:
            self._show(f"not imported; what was published goes on: {error}")
            return
        for name, module in modules.items():
            _, database = self._databases[name]
            try:
                self._publish_one(name, database, module)
            except ClosedError:
                raise
            except Exception as error:  # noqa: BLE001  a migration's own
                self._show(f"{name} is not published: {_told(error)}")

    def _publish_one(self, name: str, database: Database, module: Module) -> None:
        plan = database.plan(module)
        if not plan.is_empty:
            self._show(f"{plan}")
        if plan.breaking and not self._confirm(
            f"Publish {name}, and disconnect its clients?"
        ):
            self._show(f"{name} is not published")
            return
        database.publish(module, allow_breaking=bool(plan.breaking))
        what = "with other functions" if plan.is_empty else f"at {database.offset}"
        self._show(f"{name} is published, {what}")


def _told(error: Exception) -> str:
    if isinstance(error, QsdbError):
        return f"{error}"
    return f"{type(error).__name__}: {error}"
