"""The clock of the station's tests."""

from __future__ import annotations

from support.virtual_time import pytest_asyncio_loop_factories as pytest_asyncio_loop_factories
