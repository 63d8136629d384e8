"""Layer 1: values to bytes and back."""
