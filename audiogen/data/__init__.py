"""Training data made from tunes: corpora, rendered audio pools and shards of codes."""
