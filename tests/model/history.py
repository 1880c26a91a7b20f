"""Random histories of session records: few servers, clients and names, clocks over days, what goes wrong on real networks.

A history is a list of Record; each carries how late it arrives in each of the orders that are tried.
"""

import dataclasses
import datetime
import random

SECOND = 10**6
HOUR = 3600 * SECOND
DAY = 24 * HOUR
BEGIN = 1_700_000_000 * SECOND
# The orders of arrival in which a history is played; the first is that of the sessions themselves.
ORDERS = 4
# A record comes late by less than the window (a day), its own duration and others' taken off.
LATE_MAX = DAY - HOUR
# Baselines keep 64 sightings: few enough that none is forgotten, and now and then far more.
RECORDS_MAX = 36
LONG_RECORDS, LONG_EVERY = 180, 20
# Who publishes a policy (MTA-STS), and who does not.
POLICIES = {
    "alpha.example": "version: STSv1\nmode: enforce\nmx: *.alpha.example\nmax_age: 86400\n",
    "beta.example": "version: STSv1\nmode: testing\nmx: *.beta.example\nmax_age: 86400\n",
}
DOMAINS = ["alpha.example", "beta.example", "epsilon.example", "zeta.example"]
# Chances of what may happen beside the session itself.
SECOND_SENSOR, TOLD_TWICE = 0.08, 0.08
# How much of a history is told while it goes on: some are replays, some are live.
SNAPSHOTS = [0.0, 0.1, 0.9]


@dataclasses.dataclass(frozen=True)
class Record:
    event: dict
    lateness: tuple

    @property
    def time(self):
        return parse_time(self.event["timestamp"])


def format_time(time_us):
    moment = datetime.datetime.fromtimestamp(time_us // SECOND, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{time_us % SECOND:06d}Z"


def parse_time(text):
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * SECOND + moment.microsecond


@dataclasses.dataclass(frozen=True)
class Certificate:
    key: str
    issuer: str
    is_rsa: bool
    trust: str
    not_before: int
    not_after: int


class Server:
    """How one server behaves: `offers(client, time)` and the certificates that it shows."""

    def __init__(self, dice, number, siblings):
        self.address = f"192.0.2.{25 + number}"
        self.port = 25
        self.domain = dice.choice(DOMAINS)
        self.name = f"mx{number}.{self.domain}"
        if siblings and dice.random() < 0.3:  # a farm: several addresses, one greeting
            self.domain, self.name = siblings[0].domain, siblings[0].name
        self.behaviour = dice.choice(["always", "always", "always", "never", "farm", "farm", "breaks", "episodes", "by_client"])
        self.share = dice.choice([0.1, 0.5, 0.8, 0.9])
        self.breaks_at = BEGIN + dice.randrange(3 * DAY)
        self.episode = sorted(BEGIN + dice.randrange(4 * DAY) for _ in range(2))
        self.certificates = [certificate(dice) for _ in range(dice.choice([1, 2, 3, 4]))]

    def offers(self, dice, client, time):
        if self.behaviour == "never":
            return False
        if self.behaviour == "farm":
            return dice.random() < self.share
        if self.behaviour == "breaks":
            return time < self.breaks_at
        if self.behaviour == "episodes":
            return not self.episode[0] <= time < self.episode[1]
        if self.behaviour == "by_client":
            return client.number % 2 == 0
        return True


class Client:
    def __init__(self, dice, number):
        self.number = number
        self.address = f"198.51.100.{10 + number}"
        self.helo = dice.choice(["mail.gamma.example", "mail.delta.example"])
        self.habit = dice.choice(["tls", "tls", "tls", "careless", "careless", "plain", "old"])


def certificate(dice):
    not_before = BEGIN - dice.choice([5, 10, 57, 59, 62, 80]) * DAY
    return Certificate(dice.choice("123456789abcdef"), dice.choice(["Alpha CA", "Beta CA", "Gamma CA"]), dice.random() < 0.6,
                       dice.choice(["trusted", "trusted", "self-signed", "unknown-issuer"]), not_before, not_before + 90 * DAY)


def smtp_facts(server, client):
    return {"banner": f"220 {server.name} ESMTP", "banner_code": 220, "server_name": server.name, "helo": client.helo, "ehlo": True,
            "ehlo_reply_code": 250, "starttls": {}}


def expose(dice, smtp, server):
    """Mail in the clear, for the server's own domain or for another."""
    domain = dice.choice([server.domain, server.domain, server.domain] + DOMAINS)
    smtp["messages"] = [{"index": 0, "mail_from": "a@gamma.example", "rcpt_to": [f"b@{domain}"], "transfer": "DATA", "bytes": 100,
                         "exposed": True, "reply_code": 250, "delivered": True}]
    smtp.update(messages_total=1, recipients_total=1, exposed_total=1, delivered_total=1)


def name_recipient(dice, smtp, server):
    """A recipient, and no mail."""
    domain = dice.choice([server.domain, server.domain] + DOMAINS)
    smtp["messages"] = [{"index": 0, "mail_from": "a@gamma.example", "rcpt_to": [f"b@{domain}"], "bytes": 0}]
    smtp.update(messages_total=1, recipients_total=1)


def tls_facts(dice, server, outcome):
    tls = {"from_proto": "smtp", "mode": "starttls", "outcome": outcome, "version": dice.choice(["TLS 1.2", "TLS 1.2", "TLS 1.3"]),
           "client_max_version": "TLS 1.3", "cipher": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
    if dice.random() < 0.8:
        tls["sni"] = server.name
    if not server.certificates:
        tls["version"] = "TLS 1.3"
    if tls["version"] == "TLS 1.2":
        shown = dice.choice(server.certificates)
        tls.update(subject="CN=mx", issuerdn="O=" + shown.issuer, subjectaltname=[server.name],
                   notbefore=format_time(shown.not_before), notafter=format_time(shown.not_after))
        tls["certificate"] = {"issuer_org": shown.issuer, "sha256": 64 * shown.key, "spki_sha256": 64 * shown.key,
                              "key_bits": 2048 if shown.is_rsa else 256, "key_rsa": shown.is_rsa, "key_ec": not shown.is_rsa,
                              "trust": shown.trust, "visible": True}
    else:
        tls["certificate"] = {"visible": False}
    return tls


def fill_plain(dice, event, server):
    """A whole EHLO reply without STARTTLS, or what else keeps a client from it."""
    smtp = event["smtp"]
    kind = dice.choice(["missing"] * 6 + ["ehlo_refused", "blocked", "masked", "unseen"])
    smtp["starttls"].update(offered=False, requested=False)
    if kind == "ehlo_refused":
        smtp["starttls"].pop("offered")
        smtp.update(ehlo_reply_code=502, helo_reply_code=250)
    elif kind == "blocked":
        smtp["starttls"].pop("offered")
        smtp.update(ehlo_reply_code=554, helo_reply_code=554)
        return
    elif kind == "masked":
        smtp["starttls"]["masked"] = "XXXXXXXA"
    elif kind == "unseen":
        smtp["starttls"].pop("offered")
        smtp.pop("ehlo_reply_code")
        event["capture"]["gap_bytes_toclient"] = 100
    if dice.random() < 0.7:
        expose(dice, smtp, server)


def fill_offered(dice, event, server, habit):
    """What a client makes of the offer."""
    smtp = event["smtp"]
    starttls = smtp["starttls"]
    starttls.update(offered=True, requested=True, before=["EHLO"])
    roll = dice.random()
    if habit == "plain" or habit == "careless" and roll < 0.2:
        starttls.update(requested=False)
        del starttls["before"]
        if dice.random() < 0.8:
            expose(dice, smtp, server)
    elif roll < 0.8:
        starttls["reply_code"] = 220
        event["tls"] = tls_facts(dice, server, "established")
    elif roll < 0.86:
        starttls["reply_code"] = dice.choice([454, 454, 502])
        if dice.random() < 0.5:
            expose(dice, smtp, server)
        elif dice.random() < 0.5:
            name_recipient(dice, smtp, server)
    elif roll < 0.92:
        starttls["reply_code"] = 220
        event["tls"] = tls_facts(dice, server, "failed")
        event["tls"].update(ended_by="client", ended_how="close")
    elif roll < 0.94:
        starttls["reply_code"] = 220  # and not one TLS record
    elif roll < 0.95:
        starttls.update(requested=False, mangled_command="XXXXXXXX", reply_code=500)
        if dice.random() < 0.5:
            expose(dice, smtp, server)
    elif roll < 0.98:
        starttls["reply_code"] = 220
        event["tls"] = dice.choice([tls_facts(dice, server, "incomplete"), {"from_proto": "smtp", "mode": "starttls", "outcome": "decrypted"}])
    else:
        starttls.update(requested=False)
        del starttls["before"]


def session(dice, number, client, server, time):
    duration_ms = dice.randrange(1, 5000)
    event = {"timestamp": format_time(time + duration_ms * 1000), "event_type": "session", "schema_version": 1, "sensor": "edge-1",
             "session_id": f"{number + 1:016x}", "snapshot": 1, "final": True, "start": format_time(time), "duration_ms": duration_ms, "src_ip": client.address,
             "src_port": 40000 + number, "dest_ip": server.address, "dest_port": server.port, "proto": "TCP", "hop": hop(client, server),
             "capture": {"packets": 20, "bytes": 2000, "gap_bytes_toserver": 0, "gap_bytes_toclient": 0, "midstream": False, "one_sided": False,
                         "conflicting_overlaps": 0, "ended": dice.choice(["fin", "fin", "fin", "rst", "capture_end"])},
             "smtp": smtp_facts(server, client), "findings": []}
    if client.habit == "old" and dice.random() < 0.6:  # HELO by choice
        event["smtp"].pop("ehlo_reply_code")
        event["smtp"].update(ehlo=False, helo_reply_code=250)
        event["smtp"]["starttls"].update(requested=False)
        if dice.random() < 0.8:
            expose(dice, event["smtp"], server)
    elif server.offers(dice, client, time):
        fill_offered(dice, event, server, client.habit)
    else:
        fill_plain(dice, event, server)
    return event


def hop(client, server):
    return ["outbound", "inbound", "internal", "outbound"][(client.number + int(server.address[-1])) % 4]


def earlier_snapshot(dice, event):
    """What a sensor said of the session while it went on: less, or all but its end, or the answer to a first EHLO that a second one took back."""
    snapshot = dict(event, snapshot=1, final=False, timestamp=event["start"], duration_ms=0)
    snapshot["capture"] = {key: value for key, value in event["capture"].items() if key != "ended"}
    roll = dice.random()
    if roll < 0.2:
        return snapshot
    snapshot.pop("tls", None)
    kept = ("banner", "banner_code", "server_name", "helo", "ehlo", "ehlo_reply_code")
    smtp = {key: event["smtp"][key] for key in kept if key in event["smtp"]}
    smtp["starttls"] = {key: value for key, value in event["smtp"]["starttls"].items() if key in ("offered", "masked")}
    if roll < 0.7 and "offered" in smtp["starttls"]:
        smtp["starttls"]["offered"] = not smtp["starttls"]["offered"]
    snapshot["smtp"] = smtp
    return snapshot


def times(dice, count):
    """Some days, in which sessions come alone or in clusters of minutes."""
    span = dice.choice([HOUR, DAY, 3 * DAY, 5 * DAY])
    found = []
    while len(found) < count:
        time = BEGIN + dice.randrange(span)
        for _ in range(dice.choice([1, 1, 2, 4])):
            found.append(time)
            time += dice.randrange(1, 40 * 60 * SECOND)
    return sorted(found[:count])


def lateness(dice):
    """How late a record arrives, in each order: a few come very late, most soon after one another."""
    reach = dice.choice([60 * SECOND, HOUR, LATE_MAX, LATE_MAX])
    return (0,) + tuple(dice.randrange(reach) for _ in range(ORDERS - 1))


def lateness_little(dice):
    return (0,) + tuple(dice.randrange(60 * SECOND) for _ in range(ORDERS - 1))


def tellings(dice, event, snapshots, late):
    """The records of one session: perhaps an earlier snapshot, a second sensor's, the same once more."""
    told = [event]
    if dice.random() < snapshots:
        event = dict(event, snapshot=2)
        told = [event, earlier_snapshot(dice, event)]
    if dice.random() < SECOND_SENSOR:
        told.append(dict(event, sensor="edge-2"))
    if dice.random() < TOLD_TWICE:
        told.append(event)
    return [Record(one, late(dice)) for one in told]


def long_history(dice):
    """One client and one server for longer than sightings are kept: what older ones came to must do.

    Certificates are not seen, and nothing is very late.
    """
    server, client = Server(dice, 0, []), Client(dice, 0)
    server.certificates = []
    # What is forgotten is no longer told apart by client: one that is denied for good would be judged by its own old offers
    # as if they were another's.
    server.share = max(server.share, 0.5)
    records = []
    for number, time in enumerate(times(dice, dice.randrange(LONG_RECORDS // 2, LONG_RECORDS))):
        records += tellings(dice, session(dice, number, client, server, time), 0.1, lateness_little)
    return records


def history(seed):
    dice = random.Random(seed)
    if seed % LONG_EVERY == 0:
        return long_history(dice)
    servers = []
    for number in range(dice.choice([1, 1, 2, 3])):
        servers.append(Server(dice, number, servers))
    clients = [Client(dice, number) for number in range(dice.choice([1, 2, 3]))]
    snapshots = dice.choice(SNAPSHOTS)
    records = []
    for number, time in enumerate(times(dice, dice.randrange(2, RECORDS_MAX))):
        records += tellings(dice, session(dice, number, dice.choice(clients), dice.choice(servers), time), snapshots, lateness)
    return records


def arrival(records, order):
    """The events in their order of arrival."""
    return [record.event for record in sorted(records, key=lambda record: record.time + record.lateness[order])]
