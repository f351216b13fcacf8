"""The commands of `inspector golden`: pictures of good parts that the model is shown or compares with."""
