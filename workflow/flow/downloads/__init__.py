"""Raw files over HTTP: resumed, retried and verified."""
