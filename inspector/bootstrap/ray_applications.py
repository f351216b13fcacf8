"""The applications by name, for clusters that deploy from a file: `serveConfigV2` of a RayService, or `serve deploy`.

Each function reads the settings from the environment of the cluster; Serve's arguments are not used. `inspector db
upgrade` prepares the ledger before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from inspector.bootstrap.from_settings import absolute, card_of
from inspector.bootstrap.plans import console_plan, model_plan, require_cluster_storage, station_plan
from inspector.settings import Settings

if TYPE_CHECKING:
    from ray.serve import Application


def models(_: Mapping[str, str]) -> Application:
    """Build the model pool. Raises DeclarationError for a faulty card."""
    from inspector.adapters.serving.deployments import models as deployed

    settings = absolute(Settings())
    return deployed(model_plan(settings, card_of(settings)))


def stations(_: Mapping[str, str]) -> Application:
    """Build the stations. Raises LedgerError where their storage is on one node only."""
    from inspector.adapters.serving.deployments import ApplicationNames
    from inspector.adapters.serving.deployments import stations as deployed

    settings = _clustered_settings()
    return deployed(station_plan(settings), ApplicationNames.of_site(settings.site))


def console(_: Mapping[str, str]) -> Application:
    """Build the console. Raises LedgerError where its storage is on one node only."""
    from inspector.adapters.serving.deployments import ApplicationNames
    from inspector.adapters.serving.deployments import console as deployed

    settings = _clustered_settings()
    return deployed(console_plan(settings), ApplicationNames.of_site(settings.site))


def _clustered_settings() -> Settings:
    declared = Settings()
    require_cluster_storage(declared)
    return absolute(declared)
