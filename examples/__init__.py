"""Example agents; each runs by path (`python examples/hello.py`) and as a module (`python -m examples.hello`)."""
