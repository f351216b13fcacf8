"""What a process keeps about its own work: threads in the background, the part in progress, its spans."""
