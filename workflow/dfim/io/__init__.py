"""Files: tables, HDF5 records, checksums and atomic writing."""

import lazy_loader

# Names and modules are imported when they are first used: __init__.pyi says which.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
