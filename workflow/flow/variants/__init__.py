"""Binding QTLs: choice, scoring, panels, groups and scorecard rows."""
