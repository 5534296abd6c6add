"""What a run gives to print and to share: the codebook of a supplement, and a model card."""
