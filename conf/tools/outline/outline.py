#!/usr/bin/env python3
"""A program tool: the symbols of a source tree, as ctags finds them, in pieces. docs/program-tools.md tells the protocol."""
import json
import os
import pathlib
import subprocess
import sys

PIECE = 200  # symbols


def say(**line):
    print(json.dumps(line), flush=True)


class refused(Exception):
    pass


def folder_of(params):
    root = os.environ.get("OUTLINE_ROOT")
    if not root:
        raise refused("OUTLINE_ROOT is not set: it names the folder below which source trees may be looked at")
    root = pathlib.Path(root).resolve()
    folder = (root / params.get("folder", ".")).resolve()
    if folder != root and root not in folder.parents:
        raise refused("folder must lie below the root, without a way out by .. or a link")
    if not folder.is_dir():
        raise refused(f"there is no folder {params.get('folder')!r}")
    return folder


def symbols(folder):
    command = ["ctags", "--output-format=json", "--fields=+nK", "--sort=no", "-R", "-f", "-", "."]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as ctags:
        for line in ctags.stdout:
            tag = json.loads(line)
            if tag.get("_type") == "tag":
                yield tag
    if ctags.returncode != 0:
        raise refused(f"ctags ended with status {ctags.returncode}")


def outline(params):
    kinds, limit = set(params.get("kinds", [])), params.get("limit", sys.maxsize)
    count, files, piece = 0, set(), []
    for tag in symbols(folder_of(params)):
        if kinds and tag.get("kind") not in kinds:
            continue
        if count == limit:
            break
        count += 1
        files.add(tag["path"])
        piece.append(f"{tag['path'].removeprefix('./')}:{tag['line']}: {tag.get('kind', '?')} {tag['name']}\n")
        if len(piece) == PIECE:
            say(partial="".join(piece), progress=count, message=f"{count} symbols in {len(files)} files")
            piece = []
    say(partial="".join(piece) + f"{count} symbols in {len(files)} files\n")
    say(result=None)


def main():
    call = json.loads(sys.stdin.readline())
    try:
        outline(call["params"])
    except refused as why:
        say(error=str(why))


main()
