"""The commands of `inspector bench`: throughput and latency on this machine."""
