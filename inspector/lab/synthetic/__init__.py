"""Drawn products for demo, tests and training: frames as a line camera takes them, with defects known to the pixel."""

from inspector.lab.synthetic.draw import DEFAULT_FLAW_WEIGHTS, PRODUCTS, draw, encode, golden
from inspector.lab.synthetic.sample import Flaw, Sample

__all__ = ["DEFAULT_FLAW_WEIGHTS", "PRODUCTS", "Flaw", "Sample", "draw", "encode", "golden"]
