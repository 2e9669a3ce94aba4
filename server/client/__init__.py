"""A client of the API for programs in Python: requests and nothing else of ours; the server never uses it."""

from server.client.client import (
    ANY,
    Assignment,
    Case,
    CaseContact,
    CaseRef,
    Client,
    ContactsOutcome,
    MonitoringContact,
    ProblemError,
    PushChange,
    PushResult,
)

__all__ = [
    "ANY",
    "Assignment",
    "Case",
    "CaseContact",
    "CaseRef",
    "Client",
    "ContactsOutcome",
    "MonitoringContact",
    "ProblemError",
    "PushChange",
    "PushResult",
]
