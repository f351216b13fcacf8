"""The judgement of one part inside a model replica: the ladder of questions, the second opinion and the report.

`adapters/serving`, `tuning`, `bootstrap` and `lab` may import it; it imports `ports` and `domain`. It never stores or
publishes anything, and knows neither Ray nor a concrete engine.
"""
