"""One recipe per file, named RECIPE; every file in this folder is found by itself."""
