"""Fixtures: a real redis-server (tests/redis), the programs as built, and records of the kept captures."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "redis"))
from redis_fixtures import *  # noqa: E402,F401,F403

import pytest  # noqa: E402
from programs import Collectors  # noqa: E402


@pytest.fixture
def collectors():
    """Starts collectors; those that still run are ended with the test."""
    started = Collectors()
    yield started
    started.close()
