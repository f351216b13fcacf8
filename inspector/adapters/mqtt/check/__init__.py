"""Checks a broker for `inspector check`: what it offers, what is wrong, and the remedy."""
