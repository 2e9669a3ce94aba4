"""What the API answers, as models: answers are made from them, and so is its description; no route is here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.core.model import Level, PushState, Reason
from server.core.problems import ApiProblem, BodyProblem

ADDRESS = r"^[0-9a-f]{32}$"
Address = Annotated[
    str, Field(pattern=ADDRESS, description="By which a case is addressed here: opaque, and always the same.")
]
ETag = Annotated[str, Field(pattern=r'^"[0-9a-f]{32}"$', description="What the register says of the case now.")]


class _Said(BaseModel):
    """Any part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CaseAnswer(_Said):
    """A case: where it is addressed, and its ETag; null: it is not known."""

    case: Address
    etag: ETag | None


class ChangeAnswer(_Said):
    """A request that was taken. applied: the register says it; stopped: nothing went in, a person looks first."""

    change: str
    state: PushState
    accepted_at: str = Field(json_schema_extra={"format": "date-time"})
    cases: int = Field(description="So many it named.")
    changed: int = Field(description="So many of them say something else now.")


class PushedAnswer(ChangeAnswer):
    """The same, with its cases in the order of the request."""

    items: list[CaseAnswer]


class ContactsAnswer(_Said):
    """So many contacts, each with one worker, of which the rules say the same. goes: now or later, gone or not."""

    need: Literal["keep", "review", "goes", "ignore"]
    reason: Reason
    count: int


class ProvenAnswer(_Said):
    """So many removals at a store that were proven by a look afterwards, by the evidence there is."""

    store: str
    evidence: Level
    count: int


class OutcomeAnswer(_Said):
    """What became of the contacts of a case."""

    case: Address
    policy: str
    contacts: list[ContactsAnswer]
    proven: list[ProvenAnswer]


class AgeAnswer(_Said):
    """When a register was last read as a whole, and how many seconds ago; null: never."""

    read_at: str | None
    age: int | None


class SignAnswer(_Said):
    """When an engine last looked at an address book, and how many seconds ago; null: never."""

    last_sign: str | None
    age: int | None


class PausedAnswer(_Said):
    """What is paused; connection null: everything."""

    connection: str | None
    since: str
    until: str


class PlacesAnswer(_Said):
    """How many address books there are, and how many of them could not be read last."""

    known: int
    failing: int


class StatusAnswer(_Said):
    """How the installation stands: counts and ages alone."""

    at: str
    orders: dict[str, int]
    findings: dict[str, int]
    paused: list[PausedAnswer]
    overdue: int
    registers: dict[str, AgeAnswer]
    engine: SignAnswer
    places: PlacesAnswer


class FaultAnswer(_Said):
    """What is wrong at one place of the body. name: of a field that is not known, where it can be shown."""

    pointer: str = Field(description="A JSON pointer into the body, as a fragment.")
    code: BodyProblem
    detail: str
    name: str | None = None


class ProblemAnswer(_Said):
    """Why a request is not done, and what to do (RFC 9457). It repeats nothing of what was sent."""

    type: str = Field(json_schema_extra={"format": "uri-reference"})
    title: str
    status: int
    code: ApiProblem
    detail: str
    errors: list[FaultAnswer] = []
    pointers: list[str] = Field([], description="The cases of the body that it is about.")
    change: str | None = Field(None, description="Of a request that was stopped: its id, for whoever confirms it.")
    number: str | None = Field(None, description="By which an administrator finds the fault in the log of the server.")
