"""The worker beside what its users would pick instead, in one run: `make bench`; and for twenty minutes: `make soak`."""
