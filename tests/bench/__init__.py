"""The worker beside what its users would pick instead: `make bench`; and for twenty minutes: `make soak`."""
