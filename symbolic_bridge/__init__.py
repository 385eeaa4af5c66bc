"""symbolic_bridge: from a prompt to a tune, a performance and frames on the codec's clock."""
