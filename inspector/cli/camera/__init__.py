"""The commands of `inspector camera`: declared cameras, and those that no line declares."""
