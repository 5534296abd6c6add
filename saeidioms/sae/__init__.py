"""From a matrix of embeddings to a dictionary of features: sparse autoencoders."""
