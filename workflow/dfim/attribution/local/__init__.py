"""Contributions of mutants computed only where a mutation changes them."""
