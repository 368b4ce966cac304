"""The worker: consumes events, answers each exactly once, and keeps exact counters."""
