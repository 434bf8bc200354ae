"""Local scoring: contributions of mutants, computed only where a mutation changes them."""
