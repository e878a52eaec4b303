"""What to pick: result files in, rankings out."""
