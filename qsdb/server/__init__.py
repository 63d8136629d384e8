"""Layer 8: what clients of SpacetimeDB are answered; its core is free of I/O."""
