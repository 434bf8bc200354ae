"""Drawing of logos, tracks, interaction maps and box plots."""
