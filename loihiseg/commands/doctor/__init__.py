"""``loihiseg doctor``."""
