"""What a scenario is: a function that makes traffic, and beside it the truth about that traffic."""
import dataclasses
import typing

ALL = {}


@dataclasses.dataclass
class Scenario:
    name: str
    make: typing.Callable
    purpose: str
    origin: str
    sessions: int = 1  # None: not stated
    messages: int = 0  # those exposed in the clear; None: not stated
    raises: tuple = ()
    severity: dict = dataclasses.field(default_factory=dict)
    also_allowed: tuple = ()
    must_not_raise: tuple = ()
    max_severity: str = None
    alerts: tuple = None  # of `alert` below: those of the rules it names are these and no others
    incidents: tuple = None  # of tuples of rules: whose alerts share an incident, each tuple another
    facts: list = dataclasses.field(default_factory=list)
    shows: tuple = ()  # bytes the capture must hold, or the lab did not do what it says
    hides: tuple = ()  # bytes it must not hold
    tap: str = "inside"
    taps: tuple = ()  # both, where two sensors watch: kept in ../sightings, a capture for each
    home: str = "10.1.0.0/16,2001:db8:1::/48"
    args: tuple = ()  # more sensor arguments
    cut: typing.Callable = None  # edits the list of captured packets, where the capture itself is the case
    cuts: dict = dataclasses.field(default_factory=dict)  # likewise, by tap
    hours: dict = dataclasses.field(default_factory=dict)  # session to hours that it is moved later in the capture
    files: dict = dataclasses.field(default_factory=dict)  # kept beside the capture: name to text

    def description(self, versions):
        """The content of scenario.json."""
        origin = self.origin.format(**versions) + self._moves()
        out = {
            "purpose": self.purpose,
            "origin": origin,
            "args": ["--trust", "../ca.pem", "--home-net", self.home, *self.args],
            "sessions": self.sessions,
            "messages": self.messages,
            "raises": list(self.raises),
            "severity": self.severity,
            "must_not_raise": list(self.must_not_raise),
        }
        if self.taps:
            out["sensors"] = list(self.taps)
        if self.also_allowed:
            out["also_allowed"] = list(self.also_allowed)
        for key in ("max_severity", "alerts", "incidents"):
            if getattr(self, key) is not None:
                out[key] = getattr(self, key)
        out["facts"] = self.facts
        return {key: value for key, value in out.items() if value is not None}

    def _moves(self):
        """What the origin says of times that are not those of the making."""
        if not self.hours:
            return ""
        moves = ", ".join(f"session {session} by {hours} h" for session, hours in sorted(self.hours.items()))
        return f". Times were moved in the capture: {moves}"


POLICIES = ("--policies", "../policies")


def scenario(name, **truth):
    """Register the function below as the maker of tests/captures/NAME."""

    def register(make):
        if name in ALL:
            raise ValueError(f"two scenarios called {name}")
        ALL[name] = Scenario(name, make, **truth)
        return make

    return register


def alert(rule, severity, count):
    """One alert that is told, and how many sessions it must count."""
    return {"rule": rule, "severity": severity, "count": count}


def fact(path, value, session=0):
    return {"path": path, "value": value, "session": session}


def unknown(path, session=0):
    """The record must not speak of this at all."""
    return {"path": path, "absent": True, "session": session}


def contains(path, value, session=0):
    return {"path": path, "contains": value, "session": session}
