"""What users would pick instead, each a process of its own: `python -m tests.bench.rivals.NAME` and what `Run` takes.

All fold `tests.bench.plain`, read the input topic from its first record to its last, write receipts to a topic, and
leave their times and figures in a file. None is exactly-once; none writes dead letters, they are only counted.
"""
