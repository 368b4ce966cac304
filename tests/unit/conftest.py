"""Properties are not timed: on a busy machine, a slow example would be taken for a wrong one.

CI tries the same examples every time: a property that fails there fails for everybody. Elsewhere they are new ones.
"""

import os

from hypothesis import settings

settings.register_profile("untimed", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("untimed")
