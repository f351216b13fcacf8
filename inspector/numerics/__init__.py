"""Figures and fits that several rooms need. Pure numbers: knows numpy and scipy, nothing of parts or lines."""
