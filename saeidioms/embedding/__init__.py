"""Units -> a matrix on disk: any sentence-transformers model, no text embedded twice."""
