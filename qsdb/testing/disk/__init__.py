"""Disks for tests: one in memory that loses power, and two that stand between.

* `simulated`: the disk, made of `inodes` (what files hold) and `names`;
* `interposed`: a directory that hands each call to one method, from which come
* `faults`: calls that fail, stop half-way, lie, or end the world;
* `traces`: calls that are written down.
"""
