"""``python -m loihiseg.deploy``."""
