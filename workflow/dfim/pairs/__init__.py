"""Feature Interaction Scores of pairs of features: scoring, files, tests, distances."""
