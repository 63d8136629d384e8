"""Layer 3: rows, indexes and pre-images."""
