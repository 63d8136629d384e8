"""The names on a disk, and which of them power loss may leave.

A folder has entries as they are, and entries as its last sync left them. The
changes between stand in one list for the whole tree::

    folder log    entries a b d     synced entries a c
    changes       + log/b    - log/c, + log/d (a rename)

After power loss,

1. each change is done or not, by itself and in any order;
2. a rename within a folder is one change; of one into another folder the old
   name may be left, but only when the new name is there is the old one gone;
3. where a name was given another file, there is the old or the new one;
4. a name is given to another file only after the one before was taken from it:
   where the later change is done, the earlier one is;
5. a name whose folder was synced since is as it was then, but for rule 2.

So no file is lost that nobody removed or replaced.

A sync that failed may break a folder: the file system gave up its journal, and
no later sync of the folder has an effect.

What this leaves out: renames of folders, and links. That one file comes to have
two names, by a rename that is half done, is possible.

Source: the model of ALICE (Pillai et al., OSDI 2014), with renames that are atomic.
"""

import errno
import random  # noqa: TID251  the type of an argument
from collections.abc import Callable
from typing import NamedTuple

from qsdb.testing.disk.inodes import Inode, Policy, choose_share

__all__ = ["Folder", "Node", "Tree"]


class Folder:
    """A directory without a name.

    Attributes:
        entries: Name → what it stands for.
        synced: The same, as the last sync left it.
        is_broken: Whether syncs have lost their effect.
    """

    __slots__ = ("entries", "is_broken", "synced")

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[str, Node] = {}
        self.synced: dict[str, Node] = {}
        self.is_broken = False


Node = Inode | Folder


class _Place(NamedTuple):
    """Where an entry stands; the last of a tree's names."""

    folder: Folder
    name: str


class _Change:
    """An entry that was added, or removed, or both: then it was renamed.

    Attributes:
        node: What the entry stands for.
        added: Where it was added; None if nowhere, or when that is on the disk.
        removed: Where it was removed, likewise.
        is_removal_synced: Whether the folder of `removed` was synced since.
    """

    __slots__ = ("added", "is_removal_synced", "node", "removed")

    def __init__(
        self, node: Node, *, added: _Place | None = None, removed: _Place | None = None
    ) -> None:
        self.node = node
        self.added = added
        self.removed = removed
        self.is_removal_synced = False

    @property
    def is_settled(self) -> bool:
        """Whether all of it is on the disk."""
        return self.added is None and self.removed is None

    def happen(self, views: "_Views", random: random.Random) -> None:
        """Be done on a disk that lost power, the removal perhaps not (rule 2)."""
        added, removed = self.added, self.removed
        if added is not None:
            views.of(added.folder)[added.name] = self.node
            is_across = removed is not None and removed.folder is not added.folder
            if is_across and not self.is_removal_synced:
                removed = random.choice((removed, None))
        if removed is not None:
            _remove(views.of(removed.folder), removed.name, self.node)

    def settle_removal(self) -> None:
        """Have what was removed off the disk."""
        if self.removed is not None:
            _remove(self.removed.folder.synced, self.removed.name, self.node)
            self.removed = None


def _remove(entries: "dict[str, Node]", name: str, node: Node) -> None:
    """Take a name from a node, if it has not become another's in the meantime."""
    if entries.get(name) is node:
        del entries[name]


class _Views:
    """What folders hold after power loss."""

    def __init__(self) -> None:
        self._entries: dict[Folder, dict[str, Node]] = {}

    def of(self, folder: Folder) -> dict[str, Node]:
        """Give the entries of a folder, to change and to read."""
        if folder not in self._entries:
            self._entries[folder] = dict(folder.synced)
        return self._entries[folder]


class Tree:
    """A tree of folders and files with names; what `SimulatedDirectory` shows.

    Every method raises the `OSError` that a system would, with the name in it.

    Cost: O(depth), a sync O(changes since the last one of each folder),
    `after_power_loss` O(all that is on the disk).
    """

    def __init__(self, prefix: str) -> None:
        """Begin empty; `prefix` stands before names in messages."""
        self.prefix = prefix
        self.root = Folder()
        self._changes: list[_Change] = []

    def describe(self, name: str) -> str:
        """Give the whole path of a name."""
        return f"{self.prefix}/{name}" if name else self.prefix

    def failure(self, code: int, name: str) -> OSError:
        """Give the error of a code, which tells the name."""
        return OSError(code, errno.errorcode[code], self.describe(name))

    def find(self, name: str) -> Node:
        """Give what a name stands for."""
        node: Node = self.root
        for part in name.split("/") if name else ():
            if not isinstance(node, Folder):
                raise self.failure(errno.ENOTDIR, name)
            if part not in node.entries:
                raise self.failure(errno.ENOENT, name)
            node = node.entries[part]
        return node

    def has(self, name: str) -> bool:
        """Whether a name stands for something."""
        try:
            self.find(name)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def folder(self, name: str) -> Folder:
        """Give the folder of a name."""
        node = self.find(name)
        if not isinstance(node, Folder):
            raise self.failure(errno.ENOTDIR, name)
        return node

    def inode(self, name: str) -> Inode:
        """Give the file of a name."""
        node = self.find(name)
        if not isinstance(node, Inode):
            raise self.failure(errno.EISDIR, name)
        return node

    def add(self, name: str, node: Node) -> None:
        """Give a name to something new."""
        place = self._place(name)
        if place.name in place.folder.entries:
            raise self.failure(errno.EEXIST, name)
        place.folder.entries[place.name] = node
        self._changes.append(_Change(node, added=place))

    def move(self, old: str, new: str) -> None:
        """Give a file another name, in the place of one that has it."""
        inode, source, target = self.inode(old), self._place(old), self._place(new)
        there = target.folder.entries.get(target.name)
        if isinstance(there, Folder):
            raise self.failure(errno.EISDIR, new)
        if there is inode:
            return
        target.folder.entries[target.name] = inode
        del source.folder.entries[source.name]
        self._changes.append(_Change(inode, added=target, removed=source))

    def remove(self, name: str, node: Node) -> None:
        """Take a name away from what it stands for."""
        place = self._place(name)
        del place.folder.entries[place.name]
        self._changes.append(_Change(node, removed=place))

    def _place(self, name: str) -> _Place:
        above, _, last = name.rpartition("/")
        return _Place(self.folder(above), last)

    def sync(self, folder: Folder) -> None:
        """Have the entries of a folder on the disk."""
        if folder.is_broken:
            return
        for number, change in enumerate(self._changes):
            if change.added is not None and change.added.folder is folder:
                self._settle_addition(number, change.added)
            if change.removed is not None and change.removed.folder is folder:
                change.is_removal_synced = True
        for change in self._changes:
            if change.is_removal_synced and change.added is None:  # rule 2
                change.settle_removal()
        self._changes = [each for each in self._changes if not each.is_settled]

    def _settle_addition(self, number: int, place: _Place) -> None:
        """Have what one change added on the disk, and what came before there."""
        change = self._changes[number]
        for before, earlier in enumerate(self._changes[:number]):
            if earlier.removed == place:  # rule 4
                if earlier.added is not None:
                    self._settle_addition(before, earlier.added)
                earlier.removed = None
            elif earlier.added == place:
                earlier.added = None
        place.folder.synced[place.name] = change.node
        change.added = None

    def make_folders(self, name: str) -> None:
        """Give a name to a new folder, and those above it; if not there yet."""
        parts = name.split("/") if name else []
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            node = self._place(path).folder.entries.get(parts[end - 1])
            if node is None:
                self.add(path, Folder())
            elif end == len(parts) and not isinstance(node, Folder):
                raise self.failure(errno.EEXIST, name)

    def install(self, name: str, content: bytes) -> None:
        """Have a file of this content, synced with all the folders it is in."""
        parts = name.split("/")
        above = ["/".join(parts[:end]) for end in range(len(parts))]
        self.make_folders(above[-1])
        if not self.has(name):
            self.add(name, Inode())
        self.inode(name).replace(content)
        for each in above:
            self.sync(self.folder(each))

    def files(self) -> dict[str, Inode]:
        """Give name → file for all there are."""
        found: dict[str, Inode] = {}
        waiting: list[tuple[str, Folder]] = [("", self.root)]
        for prefix, folder in waiting:  # which grows meanwhile
            for name, node in folder.entries.items():
                if isinstance(node, Inode):
                    found[prefix + name] = node
                else:
                    waiting.append((f"{prefix}{name}/", node))
        return found

    def after_power_loss(self, random: random.Random, policy: Policy) -> "Tree":
        """Give what the disk may hold after power loss now, all of it synced."""
        entries_of = self._entries_after(random, policy)
        tree = Tree(self.prefix)
        folders: dict[Folder, Folder] = {self.root: tree.root}
        inodes: dict[Inode, Inode] = {}
        waiting = [self.root]
        for folder in waiting:  # which grows meanwhile
            entries = folders[folder].entries
            for name, node in entries_of(folder).items():
                if isinstance(node, Folder):
                    entries[name] = folders[node] = Folder()
                    waiting.append(node)
                    continue
                if node not in inodes:
                    content = node.after_power_loss(random, policy)
                    inodes[node] = Inode(content, is_private=node.is_private)
                entries[name] = inodes[node]
            folders[folder].synced = dict(entries)
        return tree

    def _entries_after(
        self, random: random.Random, policy: Policy
    ) -> Callable[[Folder], dict[str, Node]]:
        if policy == "kept":
            return lambda folder: folder.entries
        views = _Views()
        if policy != "dropped":
            for change in self._choose_changes(random):
                change.happen(views, random)
        return views.of

    def _choose_changes(self, random: random.Random) -> list[_Change]:
        """Choose the changes that are done, in their order (rules 1 and 4)."""
        share, chosen = choose_share(random), []
        needed: set[_Place] = set()
        for change in reversed(self._changes):
            if random.random() < share or change.removed in needed:
                chosen.append(change)
                if change.added is not None:
                    needed.add(change.added)
        return chosen[::-1]
