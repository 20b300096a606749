"""People and tools: REST, event stream, approval pages, health, metrics and documents on one port (spec 06, 10.7).

Every request comes through one door (`door.py`), which knows only the operations declared in one table
(`operations.py`); what the table does not name does not exist.
"""
