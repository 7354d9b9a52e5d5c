"""The parts of ``benchmarks/reproduce.py``: what is run, running it, and the page made of it."""
