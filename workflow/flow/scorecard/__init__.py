"""Compare the paper's numbers with a run's, and write the pages that show both."""
