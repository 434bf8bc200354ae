"""The networks of the paper, and which output answers for which task."""
