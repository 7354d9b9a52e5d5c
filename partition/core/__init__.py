"""What every other room stands on: the limits of a core, layers, and what blocks of them take.

A layer is described in no library's terms, a block of it is counted without building it, a rule of
the chip is one small function. Here are also the errors of the package, the decorator of compiled
loops, and the second opinions that walk over a result again. Imports no other room.
"""
