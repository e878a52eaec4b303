"""Colorization of grey pictures: the network of this project."""
