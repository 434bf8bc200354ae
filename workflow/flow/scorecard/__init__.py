"""The numbers of the paper beside ours, and the pages that show them."""
