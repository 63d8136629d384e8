"""What a module is, as far as whoever asks may know.

The owner is told all. Everybody else is told what they may use: public tables and
views, functions that are not private, the module's own routes. What is private is left
out, and so are filters of rows, which may name it, and functions that nobody calls. The
types are those that the rest needs.

``returns=true`` asks for a definition of version 10 that says what reducers give, which
tools of SpacetimeDB would refuse (`qsdb.server.definitions`).
"""

import weakref

import attrs
from starlette.responses import Response

from qsdb.codec.json_text import write_json
from qsdb.errors import SchemaError
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.server.definitions import Version, definition
from qsdb.server.http.endpoints import Guest
from qsdb.server.http.refusals import Refusal

__all__ = ["public_part", "schema"]

_VERSIONS: dict[str, Version] = {"9": 9, "10": 10}


async def schema(guest: Guest) -> Response:
    """Give the definition of the module."""
    asked = guest.request.query_params.get("version", "")
    version = _VERSIONS.get(asked)
    if version is None:
        raise Refusal(400, "the version of a schema is 9 or 10: ?version=10")
    module = guest.served.access.module
    form = _Form(version, guest.is_owner, guest.flag("returns"))
    try:
        text = _text(module, form)
    except SchemaError as error:
        raise Refusal(400, str(error)) from None
    return Response(text, media_type="application/json")


@attrs.frozen
class _Form:
    """Which of a module's definitions is asked for."""

    version: Version
    is_owner: bool
    has_returns: bool


_TEXTS: weakref.WeakKeyDictionary[ModuleSchema, dict[_Form, bytes]] = (
    weakref.WeakKeyDictionary()
)


def _text(module: ModuleSchema, form: _Form) -> bytes:
    texts = _TEXTS.setdefault(module, {})
    found = texts.get(form)
    if found is None:
        shown = module if form.is_owner else public_part(module)
        data = definition(shown, form.version, has_returns=form.has_returns)
        found = texts[form] = write_json(data).encode(errors="replace")
    return found


def public_part(module: ModuleSchema) -> ModuleSchema:
    """Give a module as strangers know it; only to be described."""
    reducers = {n: each for n, each in module.reducers.items() if not each.is_private}
    views = module.views.items()
    procedures = module.procedures.items()
    return attrs.evolve(
        module,
        tables=tuple([_told(t) for t in module.tables if t.schema.is_public]),
        reducers=reducers,
        lifecycle={},
        migrations=(),
        procedures={n: each for n, each in procedures if not each.is_private},
        views={n: each for n, each in views if each.bound.schema.is_public},
    )


def _told(bound: BoundTable) -> BoundTable:
    # The functions of schedules are private, all of them.
    schema = attrs.evolve(bound.schema, row_filters=(), schedule=None)
    return attrs.evolve(bound, schema=schema)
