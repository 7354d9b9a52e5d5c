"""What is typed: options, what they mean together, and what is printed and written.

A command has a module here, or a folder of ``options`` (the parser), ``configuration`` (what a run
is repeated from) and ``command``. ``loihiseg/NAME.py`` is the name that ``python -m`` runs. Nothing
imports commands but those.
"""
