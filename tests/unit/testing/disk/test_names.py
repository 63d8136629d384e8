"""Which names power loss leaves: each legal state occurs, and no other."""

import random
from collections.abc import Callable

import pytest

from qsdb.testing import Policy, SimulatedDirectory

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn", "garbage")
SEEDS = range(200)

Files = dict[str, bytes]


def outcomes(
    disk: SimulatedDirectory, policy: Policy = "torn"
) -> list[dict[str, bytes]]:
    """Give the distinct sets of files that power loss leaves, sorted.

    The process is dead then; the next one is had by `kill`.
    """
    found: list[Files] = []
    for seed in SEEDS:
        files = disk.crash(random.Random(seed), policy).snapshot_files()
        if files not in found:
            found.append(files)
    return sorted(found, key=sorted)


def name_sets(disk: SimulatedDirectory) -> set[str]:
    """Give the distinct sets of names that power loss leaves, each as one text."""
    return {" ".join(files) for files in outcomes(disk)}


def create(disk: SimulatedDirectory, name: str, content: bytes = b"") -> None:
    file = disk.create(name)
    file.write(0, content)
    file.sync()
    file.close()


def test_unsynced_names_are_there_or_not_each_by_itself() -> None:
    disk = SimulatedDirectory()
    for name in ("a", "b", "c"):
        create(disk, name)

    assert name_sets(disk) == {"", "a", "b", "c", "a b", "a c", "b c", "a b c"}
    assert outcomes(disk, "kept") == [{"a": b"", "b": b"", "c": b""}]
    assert outcomes(disk, "dropped") == [{}]


def test_a_synced_file_without_a_synced_name_is_whole_or_gone() -> None:
    disk = SimulatedDirectory()
    create(disk, "a", b"content")

    assert outcomes(disk) == [{}, {"a": b"content"}]


def test_a_synced_name_of_an_unsynced_file_shows_any_part_of_it() -> None:
    disk = SimulatedDirectory()
    disk.create("a").write(0, b"x")
    disk.sync()

    assert {files["a"] for files in outcomes(disk)} == {b"", b"\0", b"x"}


def test_a_removal_is_done_or_not() -> None:
    disk = SimulatedDirectory({"a": b"1", "b": b"2"})
    disk.remove("a")

    assert name_sets(disk) == {"a b", "b"}


def test_a_rename_over_a_file_gives_the_old_or_the_new_one() -> None:
    disk = SimulatedDirectory({"name": b"old", "new": b"new"})
    disk.rename("new", "name")

    assert outcomes(disk) == [{"name": b"new"}, {"name": b"old", "new": b"new"}]


def test_a_rename_of_a_name_that_is_not_synced() -> None:
    disk = SimulatedDirectory({"name": b"old"})
    create(disk, "new", b"new")
    disk.rename("new", "name")

    found = outcomes(disk)

    assert len(found) == 3
    assert {"name": b"old"} in found
    assert {"name": b"old", "new": b"new"} in found
    assert {"name": b"new"} in found


def test_the_order_of_changes_does_not_matter() -> None:
    disk = SimulatedDirectory({"a": b"1"})
    disk.rename("a", "b")
    disk.rename("b", "c")

    # Done alone, the second rename leaves the file its first name too.
    assert name_sets(disk) == {"a", "b", "c", "a c"}


def test_a_name_may_be_removed_and_made_again() -> None:
    disk = SimulatedDirectory({"a": b"old"})
    disk.remove("a")
    create(disk, "a", b"new")

    found = outcomes(disk)

    assert len(found) == 3
    assert {} in found
    assert {"a": b"old"} in found
    assert {"a": b"new"} in found
    assert outcomes(disk, "kept") == [{"a": b"new"}]


def across() -> SimulatedDirectory:
    """Rename a synced file into another directory, over another one."""
    disk = SimulatedDirectory({"here/a": b"new", "there/b": b"old"})
    disk.rename("here/a", "there/b")
    return disk


UNDONE = {"here/a": b"new", "there/b": b"old"}
BOTH = {"here/a": b"new", "there/b": b"new"}
DONE = {"there/b": b"new"}


@pytest.mark.parametrize(
    ("synced", "legal"),
    [
        ([], [UNDONE, BOTH, DONE]),
        (["here"], [UNDONE, DONE]),
        (["there"], [BOTH, DONE]),
        (["here", "there"], [DONE]),
        (["there", "here"], [DONE]),
        (["there", "there"], [BOTH, DONE]),
    ],
)
def test_a_rename_to_another_directory_never_loses_the_file(
    synced: list[str], legal: list[Files]
) -> None:
    disk = across()
    for name in synced:
        disk.sync(name)

    found = outcomes(disk)

    assert len(found) == len(legal)
    assert all(files in legal for files in found)


def test_a_file_with_two_names_is_one_file() -> None:
    disk = across()
    disk.sync("there")

    after = next(
        each
        for each in (disk.crash(random.Random(seed), "torn") for seed in SEEDS)
        if each.exists("here/a")
    )
    after.open("here/a", writable=True).write(0, b"N")

    assert after.contents("there/b") == b"New"


def test_a_file_renamed_there_and_back_is_back_when_synced() -> None:
    disk = SimulatedDirectory({"here/a": b"1", "there/b": b"2"})
    disk.rename("here/a", "there/a")
    disk.sync("here")
    disk.rename("there/a", "here/a")

    disk.sync("here")

    assert all(files["here/a"] == b"1" for files in outcomes(disk))
    disk = disk.kill()
    disk.sync("there")
    assert outcomes(disk) == [{"here/a": b"1", "there/b": b"2"}]


def test_a_file_that_makes_room_for_another_is_not_lost() -> None:
    disk = SimulatedDirectory({"a": b"old"})
    disk.rename("a", "b")
    create(disk, "a", b"new")
    disk.remove("a")

    found = outcomes(disk)

    assert all(b"old" in files.values() for files in found)
    assert {"a": b"old"} in found
    assert {"b": b"old"} in found
    assert {"a": b"new", "b": b"old"} in found
    assert {"a": b"new"} not in found


def test_a_synced_name_brings_the_file_that_made_room_to_the_disk() -> None:
    disk = SimulatedDirectory({"here/a": b"1", "here/b": b"2", "there/z": b"3"})
    disk.rename("here/a", "there/a")
    disk.rename("here/b", "there/a")
    create(disk, "here/b", b"4")

    disk.sync("here")

    assert outcomes(disk) == [{"here/b": b"4", "there/a": b"2", "there/z": b"3"}]
    disk = disk.kill()
    disk.sync("there")
    assert outcomes(disk) == [{"here/b": b"4", "there/a": b"2", "there/z": b"3"}]


def test_a_name_reused_while_a_rename_is_unsettled_is_not_taken_away() -> None:
    disk = SimulatedDirectory({"here/a": b"1", "there/b": b"2"})
    disk.rename("here/a", "there/a")
    create(disk, "here/a", b"3")
    disk.sync("here")

    assert outcomes(disk) == [{"here/a": b"3", "there/a": b"1", "there/b": b"2"}]


def test_a_directory_that_is_not_synced_takes_its_files_with_it() -> None:
    disk = SimulatedDirectory()
    disk.make_directory("a/b")
    create(disk, "a/b/file", b"1")
    disk.sync("a/b")
    disk.sync("a")

    assert name_sets(disk) == {"", "a/b/file"}
    disk = disk.kill()
    disk.sync()

    assert name_sets(disk) == {"a/b/file"}


def test_a_removed_directory_is_gone_or_not() -> None:
    disk = SimulatedDirectory({"a/x": b"1"})
    disk.remove("a/x")
    disk.sync("a")
    disk.remove_directory("a")

    found = {disk.crash(random.Random(seed), "torn").exists("a") for seed in SEEDS}

    assert found == {False, True}
    disk = disk.crash(random.Random(1), "kept")
    assert disk.list() == []


def test_a_sync_is_of_one_directory_alone() -> None:
    disk = SimulatedDirectory({"a/1": b"", "b/1": b""})
    create(disk, "a/2")
    create(disk, "b/2")

    disk.sync("a")

    assert name_sets(disk) == {"a/1 a/2 b/1", "a/1 a/2 b/1 b/2"}


def test_a_broken_directory_is_never_synced_again() -> None:
    disk = SimulatedDirectory({"a": b"1"})
    create(disk, "b")

    disk.break_syncs()
    disk.sync()

    assert name_sets(disk) == {"a", "a b"}
    after = disk.crash(random.Random(1), "kept")
    create(after, "c")
    after.sync()
    assert name_sets(after) == {"a b c"}


def test_a_content_that_is_replaced_is_synced_with_its_names() -> None:
    disk = SimulatedDirectory({"a": b"1"})
    create(disk, "x")

    disk.replace_contents("b/c/d", b"2")
    disk.replace_contents("a", b"3")

    assert outcomes(disk) == [{"a": b"3", "b/c/d": b"2", "x": b""}]


class Actor:
    """Does things to names, and knows which synced files nobody took away."""

    def __init__(self, random: random.Random) -> None:
        self.random = random
        files = {f"{prefix}{name}": b"" for prefix in ("", "dir/") for name in "abz"}
        for number, name in enumerate(files):
            files[name] = b"synced %d" % number
        self.disk = SimulatedDirectory(files)
        self.safe = set(files.values())

    def act(self) -> None:
        """Do something that can be done, or nothing."""
        names = [prefix + name for prefix in ("", "dir/") for name in "abc"]
        name, other = self.random.choice(names), self.random.choice(names)
        actions: list[Callable[[], object]] = [
            lambda: self.disk.create(name).write(0, self.random.randbytes(3)),
            lambda: self.replace(name, other),
            lambda: self.replace(name, other),
            lambda: self.remove(name),
            lambda: self.disk.sync(self.random.choice(("", "dir"))),
        ]
        try:
            self.random.choice(actions)()
        except OSError:
            pass  # a name that is missing, or taken: part of the walk, and no change

    def replace(self, name: str, other: str) -> None:
        files = self.disk.snapshot_files()
        self.disk.rename(name, other)
        if name != other:
            self.safe.discard(files.get(other, b""))

    def remove(self, name: str) -> None:
        files = self.disk.snapshot_files()
        self.disk.remove(name)
        self.safe.discard(files[name])


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_no_synced_file_is_lost_that_nobody_took_away(policy: Policy) -> None:
    for seed in range(500):
        actor = Actor(random.Random(seed))
        for _ in range(actor.random.randrange(15)):
            actor.act()

        after = actor.disk.crash(actor.random, policy)
        files = after.snapshot_files()

        assert actor.safe <= set(files.values()), seed
        assert (files["z"], files["dir/z"]) == (b"synced 2", b"synced 5"), seed
        if policy == "kept":
            assert files == actor.disk.snapshot_files(), seed
        # What was found is on the disk: another crash changes nothing.
        assert after.crash(actor.random, "torn").snapshot_files() == files, seed


@pytest.mark.slow
def test_what_is_synced_whole_is_found_whole() -> None:
    for seed in range(500):
        actor = Actor(random.Random(seed))
        for _ in range(actor.random.randrange(20)):
            actor.act()
        files = actor.disk.snapshot_files()
        for name in files:
            actor.disk.open(name).sync()
        for name in actor.random.sample(("", "dir"), 2):
            actor.disk.sync(name)

        assert actor.disk.crash(actor.random, "garbage").snapshot_files() == files, seed
