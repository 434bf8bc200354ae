"""The engine: compiled passes from sequences and references to contributions."""
