"""What pages are called, once: the menu, and every sentence that sends somebody to one; no page lives here.

A sentence names a page by a parameter (`{page}`), so that it cannot point to one that is called otherwise.
"""

from __future__ import annotations

from server.core.text import phrase

YOUR_ROLE = phrase("Your role")
MY_TEAM = phrase("My team")
OVERVIEW = phrase("Overview")
REMOVALS = phrase("Removals")
FINDINGS = phrase("Findings")
REVIEWS = phrase("Waits for a person")
CHANNELS = phrase("Channels")
DECLARATIONS = phrase("Declarations")
CONTACTS_BY_NAME = phrase("Named access")
HOLDS = phrase("Holds")
INQUIRIES = phrase("Inquiries")
CLIENT_QUESTIONS = phrase("Questions of clients")
DEVIATIONS = phrase("Deviations")
MY_PHONE = phrase("My phone")
MY_DECLARATION = phrase("My declaration")
JOBS = phrase("Processing")
PAUSES = phrase("Pauses")
CONNECTIONS = phrase("Connections")
DEVICES = phrase("Phones")
PLANS = phrase("Approvals")
POLICY = phrase("Policy")
RETENTION = phrase("Retention")
REPORTS = phrase("Reports")
LOG = phrase("Log")
KEYS = phrase("Keys")
TOKENS = phrase("Tokens")
HEALTH = phrase("System status")
START = phrase("Set-up")
GATES = phrase("DPIA and consent")
