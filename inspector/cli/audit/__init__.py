"""The commands of `inspector audit`: what people changed, and whether it was altered."""
