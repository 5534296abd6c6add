"""Features -> codebook -> codes -> shares: what a taxonomy makes of a dictionary of features."""
