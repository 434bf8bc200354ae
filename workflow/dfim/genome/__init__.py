"""Genomes, intervals and peaks; windows cut from them and their splits."""
