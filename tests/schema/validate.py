#!/usr/bin/python3
"""Validate mxtap's JSON lines against rules/schema.json.

usage: validate [--schema FILE] [FILE...]        (no FILE, or -: standard input)

Each line is held against the definition that its event_type names, which says
more than "none of three forms". Every fault is named with file, line and place.
Exit: 0 all lines are valid, 1 some are not or there was none, 2 wrong usage.
"""
import argparse
import collections
import json
import pathlib
import sys

import jsonschema

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "rules" / "schema.json"


def load_validators(path):
    schema = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return {name: jsonschema.Draft202012Validator(definition) for name, definition in schema["$defs"].items()}


def reject_duplicates(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        repeated = [name for name, times in collections.Counter(name for name, _ in pairs).items() if times > 1]
        raise ValueError(f"names given twice: {', '.join(repeated)}")
    return members


def faults_of(line, validators):
    """The faults of one line, as sentences; and its event type, where it has one."""
    try:
        event = json.loads(line.decode("utf-8"), object_pairs_hook=reject_duplicates)
    except ValueError as error:  # of UTF-8 and of JSON alike
        return [str(error)], None
    kind = event.get("event_type") if isinstance(event, dict) else None
    validator = validators.get(kind) if isinstance(kind, str) else None
    if validator is None:
        return [f"event_type is one of {', '.join(validators)}, not {kind!r}"], None
    return [f"{fault.json_path}: {fault.message}" for fault in validator.iter_errors(event)], kind


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schema", type=pathlib.Path, default=SCHEMA)
    parser.add_argument("files", nargs="*", default=["-"])
    arguments = parser.parse_args()

    validators = load_validators(arguments.schema)
    counts = collections.Counter()
    has_faults = False
    for name in arguments.files:
        with sys.stdin.buffer if name == "-" else open(name, "rb") as lines:
            for number, line in enumerate(lines, 1):
                faults, kind = faults_of(line, validators)
                counts[kind] += not faults
                for fault in faults:
                    has_faults = True
                    print(f"{name}:{number}: {fault}", file=sys.stderr)
    valid = sum(counts.values())
    print(f"{valid} valid lines: " + ", ".join(f"{kind} {counts[kind]}" for kind in validators))
    return 1 if has_faults or valid == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
