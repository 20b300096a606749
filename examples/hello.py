#!/usr/bin/env python3
"""The smallest governed agent: `python examples/hello.py ws://127.0.0.1:7300/ws agent.key`."""

from __future__ import annotations

import sys
from pathlib import Path

from watchfloor_agent import Agent, Denied

agent = Agent(sys.argv[1], key_path=sys.argv[2], name="hello")


@agent.guarded("file.write")
def write(path: str, text: str) -> int:
    return Path(path).write_text(text, encoding="utf-8")  # runs only with a grant for exactly these arguments


with agent.background():
    try:
        print("written:", write("hello.txt", "Hello, people.\n"), "characters")
    except Denied as denied:
        print("not written:", denied)
