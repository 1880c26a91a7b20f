"""Fixtures around a real redis-server, for any suite:

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "redis"))
    from redis_fixtures import *  # noqa: F401,F403
"""
import pytest
from redis_server import RedisServer, Tls

__all__ = ["make_redis", "redis_tls", "redis"]


@pytest.fixture(scope="session")
def redis_tls(tmp_path_factory):
    """Certificates, made once."""
    return Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def make_redis():
    """Makes servers with options of one's own (see RedisServer); all are gone after the test."""
    servers = []

    def make(**options):
        servers.append(RedisServer(**options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def redis(make_redis):
    """A server with nothing special, in memory."""
    return make_redis()
