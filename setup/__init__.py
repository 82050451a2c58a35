"""Set-up of a checkout, with the standard library only: ``python3 -m setup``."""
