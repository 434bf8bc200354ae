"""Significance, effect sizes, agreement, and metrics of classifiers."""
