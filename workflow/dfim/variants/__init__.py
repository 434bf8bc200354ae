"""Sequence variants: reading, checking, scoring, tables and VCF."""
