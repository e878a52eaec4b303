"""One file or folder per family of backends; whatever is in this folder is found by itself."""
