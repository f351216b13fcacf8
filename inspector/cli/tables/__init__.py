"""Tables that several commands print. A table of one command is in that command's file."""
