"""One file per family of backends; every file in this folder is found by itself."""
