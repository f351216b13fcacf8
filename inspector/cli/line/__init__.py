"""The commands of `inspector line`: lines, their states and their right to pass parts."""
