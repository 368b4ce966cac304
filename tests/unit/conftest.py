"""Properties are not timed: on a busy machine, a slow example would be taken for a wrong one."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
