"""``python -m loihiseg.segment``."""
