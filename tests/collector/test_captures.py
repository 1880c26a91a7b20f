"""Every kept capture gives the same alerts (rule, subject, severity, count) through Redis and the collector as the sensor's own judge."""
import json

import programs
import pytest

SCENARIOS = sorted(path.parent.name for path in programs.CAPTURES.glob("*/scenario.json"))


@pytest.fixture(scope="module")
def server():
    from redis_server import RedisServer
    with RedisServer() as server:
        yield server


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_same_alerts(server, collectors, scenario):
    client = server.client()
    client.flushall()
    programs.sensor_publishes(server, scenario)
    said = collectors.once(server, *programs.judge_arguments(scenario))
    assert said == ""
    expected = programs.embedded_alerts(scenario)
    assert programs.alerts_in(client) == expected
    assert programs.told_in(client) == expected
    assert not client.exists("mxtap:rejected") and not client.exists("mxtap:lease")
    assert json.loads(client.xrevrange("mxtap:events", count=1)[0][1]["event"])["event_type"] == "health"


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if 3 <= len(programs.records_of(name)) <= 40])
def test_every_record_by_another_collector(server, collectors, scenario):
    """What one has learned, the next one knows: all of it is in Redis."""
    client = server.client()
    client.flushall()
    for entry in programs.records_of(scenario):
        programs.add(client, [entry])
        assert collectors.once(server, *programs.judge_arguments(scenario)) == ""
    assert programs.alerts_in(client) == programs.embedded_alerts(scenario)
    assert programs.told_in(client) == programs.embedded_alerts(scenario)
