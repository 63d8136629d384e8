"""Reducers for files: what a version consists of, as the object store has it."""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.finding import unused_version_by_id
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.limits import check_line, check_sha256
from examples.qsbridge.mods.tables import ModFile, registry
from qsdb import u64

__all__ = ["mod_file_attach", "mod_file_detach"]

OBJECT_KEY_CHARS_MAX = 1_024


@registry.reducer
def mod_file_attach(
    ctx: qsdb.ReducerContext, version_id: u64, object_key: str, sha256: str, size: u64
) -> u64:
    """Add a file of so many bytes to a version and give its id.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, no
            such version; WrongState, it is installed somewhere; AlreadyExists, the
            object belongs to a file already.
    """
    require_owner(ctx)
    if not object_key:
        raise refusal("InvalidArgument", "object_key is empty")
    check_line("object_key", object_key, OBJECT_KEY_CHARS_MAX)
    check_sha256(sha256)
    unused_version_by_id(ctx.db, version_id)
    files = ctx.db[ModFile]
    other = files.object_key.find(object_key)
    if other is not None:
        raise refusal(
            "AlreadyExists", f"object {object_key!r} is file {other.file_id} already"
        )
    return files.insert(
        ModFile(version_id=version_id, object_key=object_key, sha256=sha256, size=size)
    ).file_id


@registry.reducer
def mod_file_detach(ctx: qsdb.ReducerContext, file_id: u64) -> None:
    """Take a file off its version; the object itself is the gateway's to delete.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; WrongState, the version
            is installed somewhere.
    """
    require_owner(ctx)
    files = ctx.db[ModFile]
    file = files.get(file_id)
    if file is None:
        raise refusal("NotFound", f"there is no file {file_id}")
    unused_version_by_id(ctx.db, file.version_id)
    files.delete(file)
