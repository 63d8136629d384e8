"""``qs-mod.toml``: what a mod says of itself, read strictly.

The sections and keys are documented (``modding/mod-manifest``); only the `options`
of a Select are added. A key that is not known, a value of another type and one out
of bounds are refused, with the key's full name: a mistyped ``requierd`` must not
publish a setting that nobody has to fill in.

What cannot be told from the page: whether sections may be missing. Here name, slug,
type and version are required, and `entry` for a ProcessService; lists that are
missing mean all.
"""

import tomllib
from dataclasses import dataclass
from typing import Final

from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.config_fields import check_field
from examples.qsbridge.mods.kinds import ConfigType, ModKind
from examples.qsbridge.mods.limits import (
    ALL,
    DESCRIPTION_CHARS_MAX,
    check_id,
    check_line,
    check_names,
    check_semver,
    check_slug,
    check_text,
    check_web_address,
)
from examples.qsbridge.mods.sections import Section
from examples.qsbridge.mods.service_limits import (
    check_cpu_quota,
    check_entry,
    check_health_check,
    check_memory_max,
)
from examples.qsbridge.mods.tables import ModConfigField

__all__ = ["Manifest", "read_manifest"]

MANIFEST_CHARS_MAX: Final = 65_536
FIELDS_MAX: Final = 64
NAME_CHARS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest: the arguments of the reducers that publish it.

    Texts are empty where the manifest is silent; `fields` have no ids yet.
    """

    name: str
    slug: str
    description: str
    author: str
    license: str
    homepage: str
    repository: str
    mod_kind: ModKind
    entry: str
    health_check: str
    platform_min: str
    engines: tuple[str, ...]
    games: tuple[str, ...]
    memory_max: str
    cpu_quota: str
    fields: tuple[ModConfigField, ...]
    version: str
    changelog: str


def read_manifest(text: str) -> Manifest:
    """Read a manifest.

    Raises:
        ReducerError: InvalidArgument, with the key, its value and the bound.

    Cost: O(characters), of which there may be 65,536.
    """
    check_text("the manifest", text, MANIFEST_CHARS_MAX)
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise refusal("InvalidArgument", f"the manifest is no TOML: {error}") from error
    whole = Section("", entries)
    mod = whole.section("mod")
    whole.finish()
    kind, compatibility = mod.section("kind"), mod.section("compatibility")
    resources, version = mod.section("resources"), mod.section("version")
    manifest = Manifest(
        name=mod.text("name", required=True),
        slug=mod.text("slug", required=True),
        description=mod.text("description"),
        author=mod.text("author"),
        license=mod.text("license"),
        homepage=mod.text("homepage"),
        repository=mod.text("repository"),
        mod_kind=kind.member("type", ModKind),
        entry=kind.text("entry"),
        health_check=kind.text("health_check"),
        platform_min=compatibility.text("platform_min"),
        engines=compatibility.texts("engines", (ALL,)),
        games=compatibility.texts("games", (ALL,)),
        memory_max=resources.text("memory_max"),
        cpu_quota=resources.text("cpu_quota"),
        fields=_fields(mod.sections("config", FIELDS_MAX)),
        version=version.text("version", required=True),
        changelog=version.text("changelog"),
    )
    for section in (kind, compatibility, resources, version, mod):
        section.finish()
    _check(manifest)
    return manifest


def _fields(sections: list[Section]) -> tuple[ModConfigField, ...]:
    fields: dict[str, ModConfigField] = {}
    for section in sections:
        key = section.text("key", required=True)
        config_type = section.member("type", ConfigType)
        field = ModConfigField(
            version_id=0,
            key=key,
            config_type=config_type,
            label=section.text("label"),
            description=section.text("description"),
            required=section.flag("required"),
            default=section.default(config_type),
            options=section.texts("options", ()),
        )
        section.finish()
        check_field(f"{section.path}.", field)
        if key in fields:
            raise refusal(
                "InvalidArgument", f"{section.path}.key {key!r} is there twice"
            )
        fields[key] = field
    return tuple(fields.values())


def _check(manifest: Manifest) -> None:
    """Check what the reducers check too, by the names that the manifest has."""
    check_id("mod.name", manifest.name)
    check_line("mod.name", manifest.name, NAME_CHARS_MAX)
    check_slug("mod.slug", manifest.slug)
    check_text("mod.description", manifest.description, DESCRIPTION_CHARS_MAX)
    check_line("mod.author", manifest.author, NAME_CHARS_MAX)
    check_line("mod.license", manifest.license, NAME_CHARS_MAX)
    check_web_address("mod.homepage", manifest.homepage)
    check_web_address("mod.repository", manifest.repository)
    check_entry("mod.kind.entry", manifest.entry)
    if manifest.mod_kind is ModKind.ProcessService and not manifest.entry:
        raise refusal(
            "InvalidArgument", "mod.kind.entry is missing, and a ProcessService runs it"
        )
    check_health_check("mod.kind.health_check", manifest.health_check)
    if manifest.platform_min:
        check_semver("mod.compatibility.platform_min", manifest.platform_min)
    check_names("mod.compatibility.engines", manifest.engines)
    check_names("mod.compatibility.games", manifest.games)
    check_memory_max("mod.resources.memory_max", manifest.memory_max)
    check_cpu_quota("mod.resources.cpu_quota", manifest.cpu_quota)
    check_semver("mod.version.version", manifest.version)
    check_text("mod.version.changelog", manifest.changelog, DESCRIPTION_CHARS_MAX)
