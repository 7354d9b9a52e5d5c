"""``python -m loihiseg.check``."""
