"""Declarations to begin a line with: YAML files without the name of a line."""
