"""Fixtures that every test can ask for."""

from tests.api import anyio_backend, api, place

__all__ = ["anyio_backend", "api", "place"]
