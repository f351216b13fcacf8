"""Synthetic products for the demo, the tests and training: frames as a line camera takes them, with known defects.

The mask and box of every defect are exact to the pixel. The room depends on NumPy and OpenCV, the domain's `Box` and
`Severity`, and nothing else of the package. The lab, the operations, the CLI and the tests may import it. The service
never imports it.
"""

from inspector.lab.synthetic.draw import DEFAULT_FLAW_WEIGHTS, PRODUCTS, draw, encode, golden
from inspector.lab.synthetic.sample import Flaw, Sample

__all__ = ["DEFAULT_FLAW_WEIGHTS", "PRODUCTS", "Flaw", "Sample", "draw", "encode", "golden"]
