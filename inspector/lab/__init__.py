"""Everything that measures, trains and tests inspector: synthetic products, training, evaluation, benchmarks and chaos.

`operations` and `cli` import it for their commands. The service never imports it.
"""
