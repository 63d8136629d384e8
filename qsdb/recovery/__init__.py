"""From files to a state, and back: opening, checking, mending, copying."""
