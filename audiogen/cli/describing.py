"""`audiogen info`."""

from __future__ import annotations

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json


def info(as_json: Json = False) -> None:
    """Say what is installed: versions, shipped weights, extras, and what instruments and kinds are known."""
    from audiogen.info import gather

    facts = gather()
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, entry in value.items():
                print(f"  {key}: {entry}")
        else:
            print(f"{name}: {', '.join(value) if isinstance(value, (list, tuple)) else value}")
