"""Databases on disks that lose power, fill up, fail and lie, and processes that die."""
