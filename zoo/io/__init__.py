"""Pictures, masks and files, in and out."""
