"""Fixtures that every test can ask for, and how hypothesis goes about its work."""

from hypothesis import HealthCheck, settings

from tests.api import anyio_backend, api, place
from tests.terminal import start

__all__ = ["anyio_backend", "api", "place", "start"]

# The same examples in every run: a suite that fails now and then is one that nobody believes.
# To look for new ones: `pytest --hypothesis-profile=default`.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
