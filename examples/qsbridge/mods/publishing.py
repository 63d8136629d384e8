"""The reducer that publishes a manifest: whole, or not at all.

It calls the reducers that one would call by hand, in its own transaction, so a
refusal by the last of them leaves nothing of the first.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.config_fields import mod_config_field_set
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.manifests import Manifest, read_manifest
from examples.qsbridge.mods.projects import (
    mod_project_create,
    mod_project_page_set,
    mod_project_update,
)
from examples.qsbridge.mods.tables import ModProject, registry
from examples.qsbridge.mods.versions import mod_service_spec_set, mod_version_publish
from qsdb import u64

__all__ = ["mod_manifest_publish"]


@registry.reducer
def mod_manifest_publish(ctx: qsdb.ReducerContext, manifest: str) -> u64:
    """Publish the version that a ``qs-mod.toml`` describes, and give its id.

    The project is made if there is none of this slug; else it says of itself what
    the manifest says.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument, with the key;
            Conflict, the project is of another kind; what `mod_version_publish`
            refuses.
    """
    require_owner(ctx)
    found = read_manifest(manifest)
    project_id = _project_id(ctx, found)
    mod_project_page_set(
        ctx, project_id, found.license, found.homepage, found.repository
    )
    version_id = mod_version_publish(
        ctx,
        project_id,
        found.version,
        found.changelog,
        found.platform_min,
        [*found.engines],
        [*found.games],
    )
    mod_service_spec_set(
        ctx,
        version_id,
        found.entry,
        found.health_check,
        found.memory_max,
        found.cpu_quota,
    )
    for field in found.fields:
        mod_config_field_set(
            ctx,
            version_id,
            field.key,
            field.config_type,
            field.label,
            field.description,
            field.required,
            field.default,
            [*field.options],
        )
    return version_id


def _project_id(ctx: qsdb.ReducerContext, found: Manifest) -> int:
    """Give the project that a manifest is of, made or changed by what it says."""
    texts = (found.name, found.author, found.description)
    project = ctx.db[ModProject].slug.find(found.slug)
    if project is None:
        return mod_project_create(ctx, found.slug, *texts, found.mod_kind)
    if project.mod_kind is not found.mod_kind:
        raise refusal(
            "Conflict",
            f"project {found.slug!r} is a {project.mod_kind.name}, and its manifest "
            f"says {found.mod_kind.name}; a kind never changes",
        )
    mod_project_update(ctx, project.project_id, *texts)
    return project.project_id
