"""The commit log on disk: records in frames, frames in segments, and reading both."""
