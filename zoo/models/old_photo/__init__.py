"""Old photographs mended: the network of this project."""
