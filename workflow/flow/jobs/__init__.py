"""What scripts share while they run: logging, seeds, progress, selection."""
