"""The commands of `inspector eval`: how good a model's answers are."""
