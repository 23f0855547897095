#!/usr/bin/env python3
"""A stateful program tool: it is given the session's state and gives back what is to take its place."""
import json
import sys


def say(**line):
    print(json.dumps(line), flush=True)


def main():
    call = json.loads(sys.stdin.readline())
    params, notes = call["params"], (call["state"] or {}).get("notes", [])
    if params["action"] == "add":
        if not params.get("text"):
            return say(error="text must say what to add")
        notes = [*notes, params["text"]]
    elif params["action"] == "clear":
        notes = []
    elif params["action"] != "show":
        return say(error="action must be add, show or clear")
    say(state={"notes": notes} if notes else None)
    say(result={"notes": notes})


main()
