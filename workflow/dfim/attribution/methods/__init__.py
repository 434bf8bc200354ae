"""Importance methods that do not run on the DeepLIFT engine, and adapters."""
