"""Who may do what, and who did: users, sessions, tokens, roles and the audit.

Imported by `operations`, `bootstrap` and `adapters/console`. Knows ports; never databases, HTTP or commands.
"""
