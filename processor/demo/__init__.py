"""The demonstration: real parts, simulated traffic, and every figure held against the simulator's ledger."""
