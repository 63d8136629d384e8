"""Layer 2: tables, row classes and modules, as they are declared."""
