"""What the judge ought to say: small, slow, and written apart from it.

A history's sessions are put in the order of their own time, and each is judged by those before it. What a subject is known for is
worked out anew for every question, from all its sessions.
"""

import dataclasses
import typing

from history import DAY, HOUR, POLICIES, parse_time

WINDOW = DAY
QUIET = DAY
FALLBACK = HOUR
RECENT = 20
# Of a client's recent sessions with a server, how many used TLS where it is its habit.
HABIT_LEAST = 3
FAILED = ("refused", "aborted")
SEVERITIES = ["none", "info", "low", "medium", "high", "critical"]
# Rules about the client: their alerts are kept apart by client.
CLIENT_RULES = {"starttls.command_mangled", "starttls.handshake_aborted", "starttls.fallback", "starttls.unused"}
RULES = CLIENT_RULES | {"starttls.stripped", "starttls.capability_masked", "starttls.command_refused", "starttls.not_offered", "certificate.changed",
                        "mta_sts.plaintext_delivery"}


@dataclasses.dataclass(frozen=True)
class Certificate:
    key: str
    issuer: str
    kind: str
    is_trusted: bool
    not_before: int
    not_after: int


@dataclasses.dataclass(frozen=True)
class Session:
    """What one session showed, in the words of the rules."""

    identity: str
    start: int
    end: int
    client: str
    helo: str
    server: str
    greeting: str
    sni: typing.Optional[str]
    hop: str
    reply: typing.Optional[bool]  # a whole EHLO reply, or EHLO refused: STARTTLS offered? None: no such reply
    is_final: bool
    is_masked: bool
    is_mangled: bool
    is_helo_by_choice: bool
    offered: typing.Optional[bool]
    requested: typing.Optional[bool]
    code: int
    attempt: str  # none, refused, aborted, established
    is_exposed: bool
    is_whole: bool
    recipient_domains: frozenset
    exposed_domains: frozenset
    certificate: typing.Optional[Certificate]

    @property
    def order(self):
        return self.start, self.identity

    @property
    def relations(self):
        """Between whom mail went: the client, or its HELO name, with the server, its domain, or those of the recipients."""
        domains = self.recipient_domains | {self.greeting.partition(".")[2]}
        return {(self.client, self.server), (self.helo, self.server)} | {(self.helo, domain) for domain in domains}


def attempt_of(event, starttls, tls):
    if tls.get("outcome") in ("established", "decrypted"):
        return "established"
    code = starttls.get("reply_code", 0)
    if "mangled_command" in starttls:
        return "refused" if code >= 400 else "none"
    if starttls.get("requested") is not True or code == 0:
        return "none"
    if code != 220:
        return "refused" if starttls.get("offered") is not False else "none"
    if tls.get("outcome") == "failed":
        return "aborted"
    if not tls and event["capture"].get("ended") in ("fin", "rst") and is_whole(event):
        return "aborted"
    return "none"


def is_whole(event):
    capture = event["capture"]
    return not (capture["gap_bytes_toserver"] or capture["gap_bytes_toclient"] or capture["midstream"] or capture["one_sided"])


def certificate_of(tls):
    shown = tls.get("certificate", {})
    if shown.get("visible") is not True:
        return None
    return Certificate(shown["spki_sha256"], shown["issuer_org"], "RSA" if shown["key_rsa"] else "EC", shown["trust"] == "trusted",
                       parse_time(tls["notbefore"]), parse_time(tls["notafter"]))


def domains_of(messages):
    return frozenset(recipient.rpartition("@")[2] for message in messages for recipient in message.get("rcpt_to", []))


def policy_mode(domain):
    """Of the domain's MTA-STS policy; None where it has none."""
    for line in POLICIES.get(domain, "").splitlines():
        if line.startswith("mode: "):
            return line.removeprefix("mode: ")
    return None


def is_mx_of(name, domain):
    """Whether a host is an MX of the domain, by its policy: all of them say "*.DOMAIN"."""
    return name is not None and name.partition(".")[2] == domain


def session_of(event):
    smtp, tls = event["smtp"], event.get("tls", {})
    starttls = smtp.get("starttls", {})
    is_refused = smtp.get("ehlo_reply_code", 0) // 100 == 5 and smtp.get("helo_reply_code") == 250
    is_masked, is_mangled = "masked" in starttls, "mangled_command" in starttls
    reply = starttls.get("offered")
    if (is_masked or is_mangled) and reply is not True:
        reply = None
    elif reply is None and is_refused:
        reply = False
    messages = smtp.get("messages", [])
    return Session(identity=event["session_id"], start=parse_time(event["start"]), end=parse_time(event["timestamp"]), client=event["src_ip"],
                   helo=smtp["helo"], server=f"{event['dest_ip']}:{event['dest_port']}", greeting=smtp["server_name"], sni=tls.get("sni"),
                   hop=event["hop"], reply=reply, is_final=event["final"], is_masked=is_masked, is_mangled=is_mangled,
                   is_helo_by_choice=smtp.get("ehlo") is False and smtp.get("helo_reply_code") == 250,
                   offered=starttls.get("offered"), requested=starttls.get("requested"), code=starttls.get("reply_code", 0),
                   attempt=attempt_of(event, starttls, tls), is_exposed=smtp.get("exposed_total", 0) > 0, is_whole=is_whole(event),
                   recipient_domains=domains_of(messages),
                   exposed_domains=domains_of(message for message in messages if message.get("exposed")), certificate=certificate_of(tls))


def sessions_of(events):
    """The newest snapshot of each session, in the order of the sessions' own time."""
    newest = {}
    for event in events:
        known = newest.get(event["session_id"])
        if known is None or event["snapshot"] > known["snapshot"]:
            newest[event["session_id"]] = event
    return sorted((session_of(event) for event in newest.values()), key=lambda session: session.order)


@dataclasses.dataclass
class Standing:
    """What a subject's whole replies have come to."""

    known_since: typing.Optional[int] = None
    is_mixed: bool = False
    is_mixed_told: bool = False
    has_offered: bool = False
    broken_since: typing.Optional[int] = None
    is_lost: bool = False
    recent: list = dataclasses.field(default_factory=list)

    def take(self, session, least):
        if session.reply is None:
            return
        if session.reply:
            self.offer(session.start, least)
        else:
            self.miss(session.start)

    def share(self):
        return sum(self.recent) / len(self.recent)

    def remember(self, offered):
        self.recent = (self.recent + [offered])[-RECENT:]

    def offer(self, time, least):
        if self.is_lost:
            while self.recent and not self.recent[-1]:
                self.recent.pop()
        self.has_offered, self.broken_since, self.is_lost = True, None, False
        self.remember(True)
        returns = sum(1 for before, now in zip(self.recent, self.recent[1:]) if now and not before)
        if self.is_mixed:
            if len(self.recent) == RECENT and self.share() >= 0.9:
                self.is_mixed, self.known_since = False, time
        elif self.share() < 0.9 and returns >= 2:
            self.known_since, self.is_mixed, self.is_mixed_told = None, True, False
        elif self.known_since is None and self.share() >= 0.9 and sum(self.recent) >= least:
            self.known_since = time

    def miss(self, time):
        self.remember(False)
        if self.is_mixed:
            self.is_mixed_told = True
            if len(self.recent) == RECENT and self.share() < 0.1:
                self.is_mixed = False
        if self.broken_since is None:
            self.broken_since = time
        elif self.is_known() and time - self.broken_since >= WINDOW:
            self.is_lost = True

    def is_known(self):
        return self.known_since is not None


def standing(sessions, least):
    result = Standing()
    for session in sessions:
        result.take(session, least)
    return result


def is_left_out(own, others):
    """Whether a client was denied before others' offers became known: it is configured so."""
    return not own.has_offered and own.broken_since is not None and own.broken_since < others.known_since


@dataclasses.dataclass(frozen=True)
class Finding:
    session: Session
    rule: str
    severity: str
    is_lost: bool = False
    domain: typing.Optional[str] = None


class Judge:
    """One session and all before it."""

    def __init__(self, session, before):
        self.session = session
        self.before = before
        self.pair = [other for other in before if (other.client, other.server) == (session.client, session.server)]

    def own(self):
        """What this client's sessions with the server say."""
        return standing(self.pair, 1)

    def others(self):
        """What other sessions say: of the address, the greeting, the MX name."""
        session = self.session
        yield standing([other for other in self.before if other.server == session.server and other.client != session.client], 2)
        yield standing([other for other in self.before if other.greeting == session.greeting], 2)
        if session.sni is not None:
            yield standing([other for other in self.before if other.sni == session.sni], 2)

    def deciding(self):
        """The first standing that knows whether STARTTLS is offered, and whether it is this client's own."""
        own = self.own()
        if own.is_known() or own.is_mixed:
            return True, own
        for found in self.others():
            if found.is_mixed or found.is_known() and not is_left_out(own, found):
                return False, found
        return False, None

    def is_told(self, found):
        """Whether a mixed farm was met before: by those who know it, or by anyone at this server."""
        server = standing([other for other in self.before if other.server == self.session.server], 2)
        return found.is_mixed_told or server.is_mixed and server.is_mixed_told

    def is_known(self):
        _, found = self.deciding()
        return found is not None and found.is_known()

    def bound(self, domains):
        """Of these domains, those with a policy that binds this hop: the server is their MX by its name, or is taken for it at the border."""
        session = self.session
        return {domain for domain in domains if policy_mode(domain) and (session.hop != "internal" or self.is_named_for(domain))}

    def is_named_for(self, domain):
        return is_mx_of(self.session.greeting, domain) or is_mx_of(self.session.sni, domain)

    def is_enforced(self):
        domains = self.bound(self.session.recipient_domains) | {domain for domain in POLICIES if self.is_named_for(domain)}
        return any(policy_mode(domain) == "enforce" for domain in domains)

    def is_habit(self):
        recent = [other for other in self.pair if other.attempt != "none" or other.is_exposed][-RECENT:]
        used = sum(1 for other in recent if other.attempt == "established")
        return used >= HABIT_LEAST and used >= 0.9 * len(recent)

    def stripped(self):
        session = self.session
        is_own, found = self.deciding()
        if session.reply is not False or not session.is_final:
            return None
        if found is None:
            return Finding(session, "starttls.stripped", "high") if self.is_enforced() else None
        if found.is_mixed and not self.is_enforced():
            return None if self.is_told(found) else Finding(session, "starttls.stripped", "info")
        severity = "high" if is_own or self.is_enforced() else "medium" if session.hop == "outbound" else "low"
        return Finding(session, "starttls.stripped", severity, self.is_lost(found))

    def is_lost(self, found):
        """Whether the offers broke off a window ago."""
        return found.is_known() and found.broken_since is not None and self.session.start - found.broken_since >= WINDOW

    def not_offered(self):
        session = self.session
        if not session.is_exposed or session.attempt == "established" or self.deciding()[1] is not None or self.stripped() is not None:
            return None
        is_missing = session.reply is False and not session.is_masked
        if is_missing or session.is_helo_by_choice and session.is_whole:
            return Finding(session, "starttls.not_offered", "info")
        return None

    def unused(self):
        session = self.session
        severity = "medium" if self.is_habit() else "low"
        if not session.is_exposed or session.attempt == "established":
            return None
        if session.offered is True and session.requested is False and not session.is_mangled:
            return Finding(session, "starttls.unused", severity)
        if session.is_helo_by_choice and session.is_whole and self.is_known():
            return Finding(session, "starttls.unused", severity, self.is_lost(self.deciding()[1]))
        return None

    def masked(self):
        return Finding(self.session, "starttls.capability_masked", "high") if self.session.is_masked else None

    def mangled(self):
        is_refused = self.session.is_mangled and self.session.attempt == "refused"
        return Finding(self.session, "starttls.command_mangled", "high") if is_refused else None

    def refused(self):
        session = self.session
        if session.is_mangled or session.attempt != "refused" or session.offered is not True:
            return None
        return Finding(session, "starttls.command_refused", "high" if session.code in (500, 502) else "medium")

    def aborted(self):
        session = self.session
        if session.attempt != "aborted":
            return None
        has_history = any(other.attempt == "established" or other.is_exposed for other in self.pair)
        return Finding(session, "starttls.handshake_aborted", "info" if session.hop == "inbound" and not has_history else "medium")

    def fallback(self):
        session = self.session
        if not session.is_exposed or session.attempt == "established":
            return None
        if session.attempt in FAILED or any(self.has_failed(relation) for relation in session.relations):
            return Finding(session, "starttls.fallback", "high")
        return None

    def has_failed(self, relation):
        """Whether TLS failed between these parties not long ago, and has not worked between this very client and server since."""
        session = self.session
        failed = [other for other in self.before
                  if relation in other.relations and other.attempt in FAILED and session.start - other.start <= FALLBACK]
        worked = [other for other in self.pair if other.attempt == "established"]
        return bool(failed) and not any(other.order > failed[-1].order for other in worked)

    def changed(self):
        session, shown = self.session, self.session.certificate
        if shown is None:
            return None
        known = [other.certificate for other in self.before
                 if other.server == session.server and other.sni == session.sni and other.certificate and other.certificate.kind == shown.kind]
        if not known or any(other.key == shown.key or other.issuer == shown.issuer for other in known):
            return None
        latest = known[-1]
        if session.start >= latest.not_before + (latest.not_after - latest.not_before) * 2 // 3:
            return None
        return Finding(session, "certificate.changed", "high" if latest.is_trusted and not shown.is_trusted else "medium")

    def plaintext_deliveries(self):
        is_stranger = self.session.hop == "inbound" and not self.is_habit()
        for domain in sorted(self.bound(self.session.exposed_domains)):
            severity = "low" if policy_mode(domain) == "testing" else "medium" if is_stranger else "critical"
            yield Finding(self.session, "mta_sts.plaintext_delivery", severity, domain=domain)

    def findings(self):
        found = [self.stripped(), self.masked(), self.mangled(), self.refused(), self.aborted(), self.fallback(), self.unused(),
                 self.not_offered(), self.changed()]
        return [finding for finding in found if finding is not None] + list(self.plaintext_deliveries())


@dataclasses.dataclass(frozen=True, order=True)
class Alert:
    rule: str
    hop: str
    severity: str
    first_seen: int
    last_seen: int
    sessions: tuple

    @property
    def count(self):
        return len(self.sessions)


def subject(finding):
    session = finding.session
    client = (session.client, session.helo) if finding.rule in CLIENT_RULES else None
    return finding.rule, session.sni or session.server, session.hop, finding.domain, client


def alert_of(run):
    session = run[0].session
    return Alert(run[0].rule, session.hop, max((finding.severity for finding in run), key=SEVERITIES.index), session.start,
                 max(finding.session.end for finding in run), tuple(sorted(finding.session.identity for finding in run)))


def runs(findings):
    """The findings of one subject in order of time, cut where a day was quiet; a lost baseline's go on with the run before."""
    result = []
    end = None
    for finding in findings:
        if result and (finding.is_lost or finding.session.start - end <= QUIET):
            result[-1].append(finding)
            end = max(end, finding.session.end)
        else:
            result.append([finding])
            end = finding.session.end
    return result


def findings(events):
    sessions = sessions_of(events)
    return [finding for place, session in enumerate(sessions) for finding in Judge(session, sessions[:place]).findings()]


def alerts(events):
    by_subject = {}
    for finding in findings(events):
        by_subject.setdefault(subject(finding), []).append(finding)
    return sorted(alert_of(run) for found in by_subject.values() for run in runs(found))
