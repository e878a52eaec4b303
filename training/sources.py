"""Pictures that recipes train on: folders below the one given on the command line, and their licenses."""

NATURAL = ("natural/train",)
NATURAL_LICENSES = "CC BY-SA 4.0 (CID22), CC BY-SA (Wikimedia), GPL-2+ and CC BY(-SA) (Debian), CC0 (Budgie)"

FACES = ("faces/train",)
FACES_LICENSES = "public domain (US Congress), CC0 (US government digital staff), CC BY 4.0 (webmorph, Canada set)"

FREE_FACES = ("faces/train/pif", "faces/train/f18", "faces/train/canada")
FREE_FACES_LICENSES = "CC0 (US government digital staff), CC BY 4.0 (webmorph, Canada set)"
"""As many portraits, about, as there are in NATURAL."""
