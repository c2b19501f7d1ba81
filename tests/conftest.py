"""What holds for all tests: how fast the machine is, is no failure of a property; and memory is tidied now and then."""

import gc

from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

gc.set_threshold(50_000, 20, 20)
"""Tests make and drop objects by the million, and cycles are few: looking for them so often takes a tenth of the time."""
