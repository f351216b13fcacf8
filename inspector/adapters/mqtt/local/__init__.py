"""A broker on this machine for demo, chaos and tests. Never for a plant."""
