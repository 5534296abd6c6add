"""From activations to features that one can read: examples, idioms, labels."""
