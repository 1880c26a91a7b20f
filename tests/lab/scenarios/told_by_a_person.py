"""What a configuration file takes back, and what it does not."""
from registry import fact, scenario
from scenarios.clean import postfix_mx
from visitors import OUT

UNUSED = "starttls.unused"


def suppressed(**keys):
    """A file with one suppression."""
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return {"mxtap.yaml": "suppress:\n  -\n" + lines}


def told(name, files, raised=None, **truth):
    """One message in the clear though STARTTLS is offered, and what the file makes of it."""
    return scenario(
        name,
        messages=1,
        origin="a Python client to {postfix}",
        args=("--config", "mxtap.yaml"),
        files=files,
        raises=(UNUSED,) if raised else (),
        severity={UNUSED: raised} if raised else {},
        must_not_raise=() if raised else (UNUSED,),
        facts=[fact("smtp.starttls.offered", True), fact("smtp.messages.0.exposed", True)],
        **truth,
    )(unused)


def unused(lab):
    with postfix_mx(lab):
        OUT.plain()


told(
    "config-suppressed",
    suppressed(rule=UNUSED, network="192.0.2.0/24", until="2044-01-01", reason="known"),
    purpose="near miss: a suppression names the rule and the server's network",
)
told(
    "config-suppressed-by-name",
    suppressed(rule=UNUSED, server="mx.example.net"),
    purpose="near miss: a suppression names the rule and the server",
)
told(
    "config-suppression-expired",
    suppressed(rule=UNUSED, network="192.0.2.0/24", until="2026-01-01"),
    "low",
    purpose="a suppression has run out before the capture",
)
told(
    "config-suppression-elsewhere",
    suppressed(rule=UNUSED, network="198.51.100.0/24"),
    "low",
    purpose="a suppression is about another network",
)
told(
    "config-suppression-of-another-rule",
    suppressed(rule="starttls.not_offered"),
    "low",
    purpose="a suppression is about another rule",
)
told("config-rule-off", {"mxtap.yaml": f"rules:\n  {UNUSED}: off\n"}, purpose="near miss: the rule is switched off")
told(
    "config-rule-graded",
    {"mxtap.yaml": f"rules:\n  {UNUSED}: high\n"},
    "high",
    purpose="the rule is given another severity",
)
