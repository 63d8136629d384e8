"""Judging images: each different one is opened once, and what it gave is kept."""

import random
from collections.abc import Sequence

from qsdb.testing import Call, Policy, SimulatedDirectory
from tests.support.disks import POLICIES, WatchedDirectory, digest_of, image_of
from tests.support.hoard import History

__all__ = ["Judge", "watched"]


class Judge:
    """Verifies images of a disk against a history.

    Attributes:
        images_count: Images looked at.
        found: Digest of each different image → the offset found in it.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self.images_count = 0
        self.found: dict[bytes, int] = {}

    def judge(self, image: SimulatedDirectory) -> bool:
        """Verify an image, and give whether it was a new one."""
        self.images_count += 1
        digest, history = digest_of(image), self.history
        is_new = digest not in self.found
        if is_new:
            self.found[digest] = history.check(image)
        offset = self.found[digest]
        assert history.promised <= offset <= max(1, history.submitted), (
            f"offset {offset} is found, {history.promised} was promised"
        )
        return is_new


def watched(
    disk: SimulatedDirectory,
    judge: Judge,
    seed: int,
    policies: Sequence[Policy] = POLICIES,
) -> WatchedDirectory:
    """Stand before a disk, and judge some images of it at each change."""
    places = []

    def look(call: Call) -> None:
        places.append(call)
        for number, policy in enumerate(policies):
            name = f"{seed}/{len(places)}/{number}"
            try:
                judge.judge(image_of(disk, random.Random(name), policy))
            except BaseException:
                print(f"image {name}, {policy}, {call.operation} {call.name}")
                raise

    return WatchedDirectory(disk, look)
