"""Compiled passes over a plan: from sequences and references to contributions."""
