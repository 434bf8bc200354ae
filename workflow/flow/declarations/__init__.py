"""The configuration: studies as declared, and every check of them."""
