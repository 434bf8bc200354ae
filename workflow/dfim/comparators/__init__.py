"""Other measures of interaction, to compare FIS with."""
