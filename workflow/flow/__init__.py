"""What the workflow's scripts share and the method must not know."""
