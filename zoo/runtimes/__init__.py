"""What carries a model out."""
