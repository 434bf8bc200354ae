"""Embedded inputs, written in the formats of the real ones, with their truth."""
