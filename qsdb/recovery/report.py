"""`Recovery`: what opening a directory found, as values and as a page to look at."""

import attrs

__all__ = ["Recovery", "TornTailFound"]


@attrs.frozen
class TornTailFound:
    """The remains of writes that were never promised, and where they are now."""

    path: str
    """The segment that was cut."""
    position: int
    bytes_count: int
    reason: str
    quarantine: str | None
    """Where the bytes were copied to; None where nothing was changed."""


@attrs.frozen
class Recovery:
    """What opening a directory found.

    >>> print(Recovery("data", offset=7, snapshot_offset=5, records_count=2))
    data at offset 7
      snapshot  of offset 5
      log       2 commits replayed
    """

    path: str
    offset: int = 0
    """The last commit."""
    snapshot_offset: int | None = None
    """Of the snapshot that was read; None if there was none to read."""
    records_count: int = 0
    """Commits that were read from the log."""
    is_created: bool = False
    """Whether there was no database before."""
    torn: TornTailFound | None = None
    skipped: tuple[str, ...] = ()
    """Why newer snapshots could not be read, a sentence for each."""

    def __str__(self) -> str:
        """Give the page."""
        if self.is_created:
            return f"{self.path}: a new database"
        lines = [f"{self.path} at offset {self.offset}"]
        if self.snapshot_offset is not None:
            lines.append(f"  snapshot  of offset {self.snapshot_offset}")
        lines += [f"  passed    {each}" for each in self.skipped]
        lines.append(f"  log       {self.records_count:,} commits replayed")
        if self.torn is not None:
            torn = self.torn
            word = "torn" if torn.quarantine is None else "cut"
            lines.append(
                f"  {word:<9} {torn.bytes_count:,} bytes from byte "
                f"{torn.position:,} of {torn.path}: {torn.reason}"
            )
            if torn.quarantine is not None:
                lines.append(f"            copied to {torn.quarantine}")
        return "\n".join(lines)
