"""Timing of the engine, and the page that reports it."""
