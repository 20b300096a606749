"""The sidecar: any command-line program as an agent (spec 2.5). Depends on nothing of the server.

`relay` talks to the server, `spool` keeps accepted work on disk, `worker` does one task, `command` runs a program under
`keeper`, `lines` understands what it prints, `repository` and `change` are the git workflow.
"""
