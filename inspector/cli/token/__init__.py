"""The commands of `inspector token`: what programs log in with."""
