"""``python -m loihiseg.train``."""
