"""Reducers for the settings that a version has."""

import re
from collections.abc import Sequence
from typing import Final

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.finding import field_of, unused_version_by_id
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.kinds import ConfigType
from examples.qsbridge.mods.limits import (
    DESCRIPTION_CHARS_MAX,
    check_id,
    check_line,
    check_text,
)
from examples.qsbridge.mods.settings import value_fault
from examples.qsbridge.mods.tables import ModConfigField, registry
from qsdb import u64

__all__ = ["check_field", "mod_config_field_remove", "mod_config_field_set"]

KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED: Final = re.compile(r"PORT|QSB_.*")
"""What the gateway itself puts into the environment."""
FIELDS_MAX: Final = 64
OPTIONS_MAX: Final = 64
LINE_CHARS_MAX: Final = 64


@registry.reducer
def mod_config_field_set(  # noqa: PLR0913, PLR0917  one for each column
    ctx: qsdb.ReducerContext,
    version_id: u64,
    key: str,
    config_type: ConfigType,
    label: str,
    description: str,
    required: bool,  # noqa: FBT001  reducers are called by place
    default: str | None,
    options: list[str],
) -> None:
    """Give a version a setting, in the place of one with the same key.

    The key is the name of an environment variable. Defaults are public, so a secret
    has none. `options` are what a Select chooses from, and empty for other types.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, no
            such version; WrongState, it is installed somewhere, or has 64 settings.
    """
    require_owner(ctx)
    fields = ctx.db[ModConfigField]
    old = fields.version_id_key.find(version_id, key)
    field = ModConfigField(
        version_id=version_id,
        key=key,
        config_type=config_type,
        label=label,
        description=description,
        required=required,
        default=default,
        options=tuple(options),
    )
    check_field("", field)
    unused_version_by_id(ctx.db, version_id)
    if old is not None:
        fields.update(field.replace(field_id=old.field_id))
        return
    if fields.version_id.count(version_id) >= FIELDS_MAX:
        raise refusal(
            "WrongState",
            f"version {version_id} has {FIELDS_MAX} settings, and may have no more",
        )
    fields.insert(field)


@registry.reducer
def mod_config_field_remove(
    ctx: qsdb.ReducerContext, version_id: u64, key: str
) -> None:
    """Take a setting off a version.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such version or
            setting; WrongState, the version is installed somewhere.
    """
    require_owner(ctx)
    version = unused_version_by_id(ctx.db, version_id)
    ctx.db[ModConfigField].delete(field_of(ctx.db, version, key))


def check_field(path: str, field: ModConfigField) -> None:
    """Check a setting; `path` stands before the names of its columns.

    Raises:
        ReducerError: InvalidArgument.
    """
    check_id(f"{path}key", field.key)
    if KEY.fullmatch(field.key) is None:
        raise refusal(
            "InvalidArgument",
            f"{path}key {field.key!r} is no name of an environment variable",
        )
    if RESERVED.fullmatch(field.key) is not None:
        raise refusal(
            "InvalidArgument",
            f"{path}key {field.key!r} is the gateway's: PORT and QSB_... are",
        )
    check_line(f"{path}label", field.label, LINE_CHARS_MAX)
    check_text(f"{path}description", field.description, DESCRIPTION_CHARS_MAX)
    _check_options(path, field.config_type, field.options)
    if field.default is None:
        return
    if field.config_type is ConfigType.Secret:
        raise refusal(
            "InvalidArgument",
            f"{path}default is given, and {field.key} is a secret: defaults are public",
        )
    fault = value_fault(field, field.default)
    if fault is not None:
        raise refusal("InvalidArgument", f"{path}default: {fault}")


def _check_options(path: str, config_type: ConfigType, options: Sequence[str]) -> None:
    if config_type is not ConfigType.Select:
        if options:
            raise refusal(
                "InvalidArgument",
                f"{path}options are for Select, and this is a {config_type.name}",
            )
        return
    if not 1 <= len(options) <= OPTIONS_MAX:
        raise refusal(
            "InvalidArgument",
            f"{path}options are {len(options)}, not 1 to {OPTIONS_MAX}",
        )
    for option in options:
        check_id(f"an option in {path}options", option)
        check_line(f"an option in {path}options", option, LINE_CHARS_MAX)
        if options.count(option) > 1:
            raise refusal("InvalidArgument", f"{path}options has {option!r} twice")
