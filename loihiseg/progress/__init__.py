"""What a command says while it works, on standard error and in its log.

Nobody waits before a silent terminal: whatever is under way is shown there with its time, and where
no terminal is, a line says so every half minute.
"""

from loihiseg.progress.reporter import Reporter

__all__ = ["Reporter"]
