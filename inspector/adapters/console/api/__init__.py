"""The REST API: one module per resource, each with its routes and the bodies that only they use."""
