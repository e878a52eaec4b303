"""Blocks that several networks share; what one network alone uses lies with its family."""
