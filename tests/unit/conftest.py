"""No law has a time limit: what is slow on a busy machine is not wrong."""

from hypothesis import settings

settings.register_profile("laws", deadline=None)
settings.load_profile("laws")
