"""Proves on this machine that no part is lost: a real broker, the real service and a virtual line, while processes
die. Knows how to break what runs and how to compare what was sent, stored and heard; changes nothing in the service.
"""
