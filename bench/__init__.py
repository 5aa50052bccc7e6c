"""Instruments: what Grouport does in a second, beside what the machine could do at most.

`python -m bench NAME` starts everything that it measures and leaves nothing behind.
"""
