"""Measures how good decisions are: on drawn parts, labelled folders and the public benchmark."""
