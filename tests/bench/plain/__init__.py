"""The whole business once more, an event at a time, as a good engineer would write it in plain Python.

All rivals share it. Patterns are compiled and what a code means is looked up once, figures are ints, keys are tuples,
bytes are read and written by fastavro. Left out, in favour of the rivals: the texts of findings, the strictness about
other legal encodings, publishing the counters, their status (provisional, final), and any expiry of minutes. So the
ratios that come of it are lower bounds.
"""
