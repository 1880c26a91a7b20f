"""The model on histories told by hand: if it is wrong, agreement with it is worth nothing."""

import copy

import history
import model
import pytest

MINUTE = 60 * history.SECOND
TLS = {"from_proto": "smtp", "mode": "starttls", "outcome": "established", "version": "TLS 1.3", "certificate": {"visible": False}}


def event(number, time, client=1, server=1, domain="zeta.example", **changes):
    """A session that was offered STARTTLS and used it."""
    name = f"mx{server}.{domain}"
    return {"timestamp": history.format_time(history.BEGIN + time), "session_id": f"{number:016x}", "snapshot": 1, "final": True,
            "start": history.format_time(history.BEGIN + time), "src_ip": f"198.51.100.{client}", "dest_ip": f"192.0.2.{server}", "dest_port": 25,
            "hop": changes.pop("hop", "outbound"),
            "capture": {"gap_bytes_toserver": 0, "gap_bytes_toclient": 0, "midstream": False, "one_sided": False, "ended": "fin"},
            "smtp": {"server_name": name, "helo": f"mail.client{client}.example", "ehlo": True, "ehlo_reply_code": 250,
                     "starttls": {"offered": True, "requested": True, "reply_code": 220}}, "tls": copy.deepcopy(TLS), **changes}


def expose(told, *domains):
    told["smtp"].update(exposed_total=1, messages=[{"exposed": True, "rcpt_to": [f"b@{domain}" for domain in domains]}])
    return told


def plain(*arguments, **changes):
    """Not offered; mail was exposed."""
    told = event(*arguments, **changes)
    del told["tls"]
    told["smtp"]["starttls"] = {"offered": False, "requested": False}
    return expose(told, "other.example")


def refused(*arguments, **changes):
    told = event(*arguments, **changes)
    del told["tls"]
    told["smtp"]["starttls"]["reply_code"] = 454
    return told


def helo(*arguments, **changes):
    told = plain(*arguments, **changes)
    del told["smtp"]["ehlo_reply_code"]
    told["smtp"].update(ehlo=False, helo_reply_code=250)
    del told["smtp"]["starttls"]["offered"]
    return told


def shown(*arguments, key, issuer, trust="trusted", is_rsa=True, age=10):
    told = event(*arguments)
    told["tls"].update(sni="mx1.zeta.example", notbefore=history.format_time(history.BEGIN - age * history.DAY),
                       notafter=history.format_time(history.BEGIN + (90 - age) * history.DAY),
                       certificate={"visible": True, "spki_sha256": key, "issuer_org": issuer, "trust": trust, "key_rsa": is_rsa})
    return told


def offers(count, **changes):
    return [event(100 + place, place * MINUTE, **changes) for place in range(count)]


def said(events, number):
    """What is said of one session."""
    return {finding.rule: finding.severity for finding in model.findings(events) if finding.session.identity == f"{number:016x}"}


CASES = [
    ("offered to this client once", offers(1) + [plain(1, 9 * MINUTE)], {"starttls.stripped": "high"}),
    ("offered to others once", offers(1, client=2) + [plain(1, 9 * MINUTE)], {"starttls.not_offered": "info"}),
    ("offered to others", offers(2, client=2) + [plain(1, 9 * MINUTE)], {"starttls.stripped": "medium"}),
    ("offered to others, inbound", offers(2, client=2) + [plain(1, 9 * MINUTE, hop="inbound")], {"starttls.stripped": "low"}),
    ("offered later", offers(3) + [plain(1, -MINUTE)], {"starttls.not_offered": "info"}),
    ("never offered", [plain(2, 0), plain(1, MINUTE)], {"starttls.not_offered": "info"}),
    ("another server of the same greeting", [dict(told, dest_ip="192.0.2.9") for told in offers(2, client=2)] + [plain(1, 9 * MINUTE)],
     {"starttls.stripped": "medium"}),
    ("lasting tampering", offers(1) + [plain(place, place * history.DAY) for place in range(1, 30)], {"starttls.stripped": "high"}),
    ("HELO by choice", [helo(1, 0)], {"starttls.not_offered": "info"}),
    ("HELO, known to offer", offers(1) + [helo(1, 9 * MINUTE)], {"starttls.unused": "low"}),
    ("HELO, TLS by habit", offers(3) + [helo(1, 9 * MINUTE)], {"starttls.unused": "medium"}),
    ("a policy binds", [expose(plain(1, 0, domain="alpha.example"), "alpha.example")],
     {"starttls.stripped": "high", "mta_sts.plaintext_delivery": "critical"}),
    ("a policy binds, inbound", [expose(plain(1, 0, domain="alpha.example", hop="inbound"), "alpha.example")],
     {"starttls.stripped": "high", "mta_sts.plaintext_delivery": "medium"}),
    ("a policy in testing", [expose(plain(1, 0, domain="beta.example"), "beta.example")],
     {"starttls.not_offered": "info", "mta_sts.plaintext_delivery": "low"}),
    ("to a relay inside", [expose(plain(1, 0, hop="internal"), "alpha.example")], {"starttls.not_offered": "info"}),
    ("refused, then mail", [refused(2, 0), plain(1, 50 * MINUTE)], {"starttls.fallback": "high", "starttls.stripped": "high"}),
    ("refused, then mail too late", [refused(2, 0), helo(1, 61 * MINUTE)], {"starttls.unused": "low"}),
    ("refused, then mail by another client", [refused(2, 0), helo(1, MINUTE, client=2)], {"starttls.not_offered": "info"}),
    ("refused, then mail to another MX", [refused(2, 0), helo(1, MINUTE, server=2)], {"starttls.fallback": "high", "starttls.not_offered": "info"}),
    ("refused, then mail elsewhere", [refused(2, 0), helo(1, MINUTE, server=2, domain="epsilon.example")], {"starttls.not_offered": "info"}),
    ("a certificate changed", [shown(2, 0, key="a", issuer="A"), shown(1, 1, key="b", issuer="B")], {"certificate.changed": "medium"}),
    ("no longer trusted", [shown(2, 0, key="a", issuer="A"), shown(1, 1, key="b", issuer="B", trust="self-signed")], {"certificate.changed": "high"}),
    ("renewed by the same issuer", [shown(2, 0, key="a", issuer="A"), shown(1, 1, key="b", issuer="A")], {}),
    ("renewed with the same key", [shown(2, 0, key="a", issuer="A"), shown(1, 1, key="a", issuer="B")], {}),
    ("of another key type", [shown(2, 0, key="a", issuer="A"), shown(1, 1, key="b", issuer="B", is_rsa=False)], {}),
    ("renewed near its end", [shown(2, 0, key="a", issuer="A", age=61), shown(1, 1, key="b", issuer="B")], {}),
]


@pytest.mark.parametrize(("events", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_findings(events, expected):
    said_of_it = said(events, 1)
    assert said_of_it == expected
    assert said(list(reversed(events)), 1) == said_of_it


def test_a_mixed_farm_is_told_once():
    pattern = [True, False, True, False, True, False, False, True, False]
    events = [(event if offered else plain)(place, place * MINUTE) for place, offered in enumerate(pattern)]
    told = [finding.session.identity[-1] for finding in model.findings(events) if (finding.rule, finding.severity) == ("starttls.stripped", "info")]
    assert told == ["5"]


def test_an_alert_ends_after_a_quiet_day():
    events = [helo(number, time) for number, time in ((1, 0), (2, history.DAY), (3, 3 * history.DAY))]
    assert [alert.count for alert in model.alerts(events)] == [2, 1]


def test_a_lost_baselines_alert_stays_open():
    events = offers(1) + [plain(number, number * 2 * history.DAY) for number in (1, 2, 3)]
    assert [(alert.rule, alert.count) for alert in model.alerts(events)] == [("starttls.stripped", 3)]


def test_a_session_counts_once():
    whole = plain(1, 0)
    early = dict(whole, snapshot=0, smtp={**whole["smtp"], "exposed_total": 0})
    for events in ([whole, early, whole], [early, dict(whole, sensor="edge-2"), whole]):
        assert [(alert.rule, alert.count) for alert in model.alerts(events)] == [("starttls.not_offered", 1)]
