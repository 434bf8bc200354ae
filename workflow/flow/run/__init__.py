"""One run of the workflow: paths, settings and figure contexts for the rules."""
