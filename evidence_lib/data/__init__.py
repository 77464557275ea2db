"""Reading study data: formats, encodings, specifications, checks and fingerprints."""
