"""Cbf1 flanks: positions, BET-seq tables, and measures of their interactions."""
