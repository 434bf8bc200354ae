"""Maps of all pairs of nucleotides, of one sequence or of many."""
