"""Files: tables, HDF5 records, checksums and atomic writing."""
