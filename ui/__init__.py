"""The app's tabs, one file each."""
