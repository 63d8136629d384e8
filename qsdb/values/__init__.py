"""Layer 0: what a column can hold, and the value classes that users see."""
