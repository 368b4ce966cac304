"""How any flow runs. Knows nothing of customs: a flow brings schemas, rules, a lifecycle and counters."""
