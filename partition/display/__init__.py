"""Text for people: in one line, on a terminal, in a picture; names of strangers stay text.

Escaping and cutting (`messages`), rich's console without markup (`terminal`) and matplotlib without
mathematics (`drawing`). Imports no other room.
"""
