"""The commands of `inspector challenge`: the labelled parts that qualify a line."""
