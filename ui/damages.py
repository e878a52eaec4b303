"""The kinds of damage that a visitor can choose, without what makes them (ui/jobs/damage.py)."""

DAMAGES = {
    "shaken": "deblur", "out of focus": "deblur", "noisy": "denoise", "compressed": "denoise", "dark": "low-light",
    "grey": "colorize",
}  # fmt: skip
"""Name -> the task that mends it."""
