"""The clock of the tests of replicas and pools."""

from __future__ import annotations

from support.virtual_time import pytest_asyncio_loop_factories as pytest_asyncio_loop_factories
