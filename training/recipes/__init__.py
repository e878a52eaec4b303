"""One recipe per file, which registers it; every file in this folder is found by itself."""
