"""The static site: one HTML file that needs no network, with pictures beside it where there are some."""
