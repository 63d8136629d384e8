"""Reducers for the values of settings, each install's own.

Whether a value is a secret is said by the setting. Once it is, it stays so when the
install gets a version that calls the setting something else: only a value set anew
is as the new version says.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.finding import field_of, install_by_id, version_of
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.kinds import ConfigType
from examples.qsbridge.mods.lifecycle import (
    DISABLED,
    ENABLED,
    FAILED,
    INSTALLED,
    INSTALLING,
    PENDING,
    check_status,
)
from examples.qsbridge.mods.settings import value_fault
from examples.qsbridge.mods.tables import (
    InstalledMod,
    ModConfigField,
    ModConfigValue,
    ModVersion,
    registry,
)
from qsdb import u64

__all__ = ["check_configured", "mod_config_set", "mod_config_unset", "seal_secrets"]

CONFIGURABLE = (PENDING, INSTALLING, INSTALLED, ENABLED, DISABLED, FAILED)


@registry.reducer
def mod_config_set(
    ctx: qsdb.ReducerContext, install_id: u64, key: str, value: str
) -> None:
    """Set the value of a setting that the install's version has.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such install or
            setting; WrongState, the install is being removed; InvalidArgument, the
            value is not of the setting's type.
    """
    require_owner(ctx)
    install = install_by_id(ctx.db, install_id)
    check_status(install, CONFIGURABLE, "a setting")
    field = field_of(ctx.db, version_of(ctx.db, install), key)
    fault = value_fault(field, value)
    if fault is not None:
        raise refusal("InvalidArgument", fault)
    is_secret = field.config_type is ConfigType.Secret
    values = ctx.db[ModConfigValue]
    old = values.install_id_key.find(install_id, key)
    if old is not None:
        values.update(old.replace(value=value, is_secret=is_secret))
        return
    values.insert(
        ModConfigValue(install_id=install_id, key=key, value=value, is_secret=is_secret)
    )


@registry.reducer
def mod_config_unset(ctx: qsdb.ReducerContext, install_id: u64, key: str) -> None:
    """Delete the value of a setting, also of one that only an older version has.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound, no such install, or
            the setting has no value; WrongState, the install is being removed, or
            is enabled and would lack what it requires.
    """
    require_owner(ctx)
    install = install_by_id(ctx.db, install_id)
    check_status(install, CONFIGURABLE, "a setting")
    if not ctx.db[ModConfigValue].install_id_key.delete(install_id, key):
        raise refusal("NotFound", f"install {install_id} has no value for {key!r}")
    if install.status == ENABLED:
        check_configured(ctx.db, install)


def check_configured(db: qsdb.Transaction, install: InstalledMod) -> None:
    """Check that an install has a right value wherever its version requires one.

    Raises:
        ReducerError: WrongState.
    """
    version = version_of(db, install)
    values = {
        row.key: row for row in db[ModConfigValue].install_id.filter(install.install_id)
    }
    for field in db[ModConfigField].version_id.filter(version.version_id):
        row = values.get(field.key)
        if row is None:
            if field.required and field.default is None:
                raise refusal(
                    "WrongState",
                    f"install {install.install_id} has no value for {field.key}, "
                    "which is required",
                )
            continue
        fault = value_fault(field, row.value)
        if fault is not None and row.is_secret:
            fault = f"{field.key} is of another type since it was set"
        if fault is not None:
            raise refusal("WrongState", f"install {install.install_id}: {fault}")


def seal_secrets(
    db: qsdb.Transaction, install: InstalledMod, version: ModVersion
) -> None:
    """Make secrets of those values that another version calls so."""
    values = db[ModConfigValue]
    for row in values.install_id.filter(install.install_id):
        field = db[ModConfigField].version_id_key.find(version.version_id, row.key)
        if field is not None and field.config_type is ConfigType.Secret:
            values.update(row.replace(is_secret=True))
