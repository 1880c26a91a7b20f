"""The tests' own redis-server does what the other tests rely on."""
import pytest
import redis as client_library


def test_restart_keeps_what_is_appended(make_redis):
    server = make_redis(appendonly="yes", appendfsync="always")
    server.client().xadd("mxtap:events", {"type": "session", "event": "{}"})
    server.kill()
    server.start()
    assert server.events() == [{"type": "session", "event": "{}"}]


def test_acl_users_are_held_to_their_rights(make_redis):
    server = make_redis(acl=["default on nopass ~* &* +@all", "edge on >s3cret ~mxtap:events +xadd"])
    edge = server.client(username="edge", password="s3cret")
    assert edge.xadd("mxtap:events", {"type": "health"})
    with pytest.raises(client_library.exceptions.NoPermissionError):
        edge.xrange("mxtap:events")


def test_tls_wants_its_ca(make_redis, redis_tls):
    server = make_redis(tls=redis_tls)
    good = client_library.Redis(host="localhost", port=server.tls_port, ssl=True, ssl_ca_certs=str(redis_tls.ca))
    assert good.ping()
    with pytest.raises(client_library.exceptions.ConnectionError):
        client_library.Redis(host="localhost", port=server.tls_port, ssl=True, ssl_ca_certs=str(redis_tls.other_ca)).ping()
