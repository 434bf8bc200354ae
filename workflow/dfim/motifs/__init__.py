"""Motif sites: IUPAC patterns, position weight matrices, and tables of features."""
