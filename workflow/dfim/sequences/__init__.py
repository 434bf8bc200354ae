"""DNA sequences as arrays: encoding, mutation, shuffling, references, FASTA files."""
