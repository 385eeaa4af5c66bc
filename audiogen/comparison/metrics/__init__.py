"""Figures of one sound, of one tune, and of sets of sounds; one module a family.

Every function returns a dict of figures by name, None for one that does not exist for its input; `DEFINITIONS` of each
module says what a figure counts, its unit, and which way is better (+1 more, -1 less, 0 neither).
"""
