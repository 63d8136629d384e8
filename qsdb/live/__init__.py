"""Live queries: results that are kept current, at the cost of what changes."""
