"""Why something is refused or fails: one base of all problems, and the errors that carry them; no sentence.

Each set says what it is about; `render.refusals` has a sentence for each member, a test goes through them all. A
member's value is the key by which programs know it, so it stays.

    RefusedError                 nothing was changed; `problem` says why
    |-- SetupRefusedError        an installation, a gate
    |-- ConnectionSetupRefusedError  a connection; `faults` of its fields
    |-- ListRefusedError         a list of places or devices; `line` and `field`
    |-- DecisionRefusedError     what a person decides of cases and contacts: hold, deviation, finding, review, closure
    |-- PackageRefusedError      an evidence package
    |-- PauseRefusedError        a pause
    |-- EngineRefusedError       an engine that is said to run no more
    |-- SubscriptionRefusedError to be told of changes of cases
    |-- AccessRefusedError       an account or a token
    |-- BackupRefusedError       a backup to be made, opened or put back
    |-- MoveRefusedError         an installation that moves to another database
    |-- RestoreRefusedError      a backup that was restored
    |-- RecordsRefusedError      records that are not as the log says
    |-- HeadsRefusedError        a file of signed heads that was lost or torn
    |-- WitnessRefusedError      a witness of others' logs
    |-- PushRefusedError         what a program asked by the API; `pointers` into what it sent
    `-- EvidenceRefusedError     evidence of usage and declarations; `line` of a list
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from mdm_adapters.options import OptionFault


class Problem(StrEnum):
    """Why something was not done: the base of every such set."""


class SetupProblem(Problem):
    """Why an installation or a gate is not recorded."""

    ALREADY_THERE = "already_there"
    MISSING_VALUE = "missing_value"
    REVIEW_AFTER_END = "review_after_end"
    NOT_YET = "not_yet"
    ENDS_IN_PAST = "ends_in_past"


class ConnectionProblem(Problem):
    """Why a connection is not saved or taken away, beside what its declaration refuses."""

    SECRET_AGAIN = "secret_again"  # noqa: S105 - a problem's name
    """The address or the login changed: the secret kept must not be sent to another server."""
    BAD_NAME = "bad_name"
    NAME_TAKEN = "name_taken"
    """There is one already; it may be changed on its own page."""
    DEMO_NOT_LOOPBACK = "demo_not_loopback"
    NOT_A_KEY = "not_a_key"
    """What was handed over is no private key without a password."""
    NOT_A_CERTIFICATE = "not_a_certificate"
    TOO_LARGE = "too_large"
    HIDDEN_SIGNS = "hidden_signs"
    TWICE = "twice"
    """A secret was typed, and a file handed over as well."""
    UNKNOWN_VENDOR = "unknown_vendor"
    UNKNOWN_CONNECTION = "unknown_connection"
    MISSING_NAME = "missing_value"
    WRONG_FIELDS = "wrong_fields"
    CHANGED = "changed"
    """Somebody else changed it since the person looked."""
    IN_USE = "in_use"


class PlaceListProblem(Problem):
    """Why a list of places cannot be taken in."""

    EMPTY_FILE = "empty_file"
    NOT_TEXT = "not_text"
    TOO_MANY = "too_many"
    UNKNOWN_COLUMN = "unknown_column"
    MISSING_COLUMN = "missing_column"
    MISSING_VALUE = "missing_value"
    UNKNOWN_CONNECTION = "unknown_connection"
    OTHER_HOST = "other_host"
    LOGINS_DO_NOT_FIT = "logins_do_not_fit"
    NOT_ONE_ROW = "not_one_row"
    TWO_TEAMS = "two_teams"
    """It puts one worker in two teams at once."""


class DeviceListProblem(Problem):
    """Why a list of devices, or of when they fetched, cannot be taken in."""

    EMPTY_FILE = "empty_file"
    NOT_TEXT = "not_text"
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    UNKNOWN_COLUMN = "unknown_column"
    MISSING_COLUMN = "missing_column"
    MISSING_VALUE = "missing_value"
    UNKNOWN_CONNECTION = "unknown_connection"
    UNKNOWN_WORKER = "unknown_worker"
    UNKNOWN_USE = "unknown_use"
    BAD_TIME = "bad_time"
    NOT_ONE_ROW = "not_one_row"
    TWO_TEAMS = "two_teams"
    """It puts one worker in two teams at once."""


class DecisionProblem(Problem):
    """Why what a person decides of cases and contacts is not recorded, or not shown."""

    NOT_CLEARED = "not_cleared"
    NOT_FOUND = "not_found"
    MISSING_VALUE = "missing_value"
    TEXT_TOO_LONG = "text_too_long"
    IDENTIFIER_IN_TEXT = "identifier_in_text"
    UNKNOWN_WORKER = "unknown_worker"
    UNKNOWN_CASE = "unknown_case"
    CASE_IN_SEVERAL = "case_in_several"
    """Two case systems use that number."""
    ENDS_IN_PAST = "ends_in_past"
    TIER_CLOSED = "tier_closed"
    TOO_LONG = "too_long"
    CHANGED_SINCE = "changed_since"
    NAMES_SOMEBODY = "names_somebody"
    """A word of the text is a worker's reference or the name of an account."""
    NO_SUCH_OWNER = "no_such_owner"
    WRONG_END = "wrong_end"
    """Findings of that kind cannot end as that."""
    PUT_OFF_TOO_LONG = "put_off_too_long"
    OWN_FINDING = "own_finding"
    """All of them are about whoever acts, or would get them."""
    SAID_ALREADY = "said_already"
    """The second word has to be another person's."""
    UNREADABLE = "unreadable"
    """What was recorded cannot be opened."""


class ClosureProblem(Problem):
    """Why the confirmation of a closure is not recorded."""

    REGISTER_CONFIRMS = "register_confirms"
    NOTHING_CHOSEN = "nothing_chosen"
    TOO_MANY_CHOSEN = "too_many_chosen"
    OWN_CASE = "own_case"
    WORKER_UNKNOWN = "worker_unknown"
    DAY_IN_FUTURE = "day_in_future"
    BEFORE_OPENING = "before_opening"


class PlanProblem(Problem):
    """Why a change of the plan of a case in monitoring is not recorded."""

    OWN_CASE = "own_case"
    NO_SUCH_MONTH = "no_such_month"
    """The policy plans no contact then."""
    DAY_OUT_OF_REACH = "day_out_of_reach"
    """Further away than any plan reaches."""
    TOO_MANY = "too_many"


class EngineProblem(Problem):
    """Why an engine is not taken to have ended."""

    NOT_CLEARED = "not_cleared"
    NOT_AWAITED = "not_awaited"
    """No claim of an engine of that name waits for its answer."""
    STILL_RUNS = "still_runs"


class SubscriptionProblem(Problem):
    """Why a service is not asked to tell of changes of cases, or not any less."""

    NO_SERVICE = "no_service"
    """The connection is no Zaken API, names no case system or no Notificaties API, or its secret cannot be read."""
    NO_ADDRESS = "no_address"
    """Our pages have no address that a service could be told, or its name is too long for one."""
    NOT_SUBSCRIBED = "not_subscribed"


class PauseProblem(Problem):
    """Why something was not paused, made longer or resumed."""

    NOT_CLEARED = "not_cleared"
    UNKNOWN_CONNECTION = "unknown_connection"
    NO_REASON = "no_reason"
    TEXT_TOO_LONG = "text_too_long"
    IDENTIFIER_IN_TEXT = "identifier_in_text"
    HOURS = "hours"
    """None, or more than `LONGEST_HOURS`; or it would end no later than it does already."""
    PAUSED_ALREADY = "paused_already"
    NOT_PAUSED = "not_paused"
    CHANGED = "changed"
    """It ends at another time than the person saw: somebody made it longer meanwhile."""


class AccessProblem(Problem):
    """Why an account or a token cannot be made or changed."""

    NAME_TAKEN = "name_taken"
    BAD_NAME = "bad_name"
    PASSWORD_TOO_SHORT = "password_too_short"  # noqa: S105 - a problem's name
    PASSWORD_IS_NAME = "password_is_name"  # noqa: S105 - a problem's name
    PASSWORD_KNOWN = "password_known"  # noqa: S105 - a problem's name
    NO_ROLE = "no_role"
    NOT_A_PERSON = "not_a_person"
    """A case system signs in with a token, not with an account."""
    WORKER_NEEDED = "worker_needed"
    UNKNOWN_WORKER = "unknown_worker"
    UNKNOWN_ACCOUNT = "unknown_account"
    SYSTEM_NEEDED = "system_needed"
    """A token for cases says of which case system."""
    UNKNOWN_EMPLOYER = "unknown_employer"
    OWNER_NEEDED = "owner_needed"
    NOT_A_DEMO = "not_a_demo"


class BackupProblem(Problem):
    """Why a backup is not made, opened or put back."""

    NOT_CLEARED = "not_cleared"
    NO_RECIPIENT = "no_recipient"
    BAD_RECIPIENT = "bad_recipient"
    SHARED_RECIPIENT = "shared_recipient"
    """Somebody could open the newest backup of the other kind too."""
    UNDER_WAY = "backup_under_way"
    NO_DUMP_PROGRAM = "no_dump_program"
    OLD_DUMP_PROGRAM = "old_dump_program"
    DUMP_FAILED = "dump_failed"
    BAD_IDENTITY = "bad_identity"
    NOT_FOR_THIS_KEY = "not_for_this_key"
    NOT_WHOLE = "backup_not_whole"
    """It was cut off or changed, or is no file of this kind."""
    NO_BACKUP = "no_backup"
    """It opens, and holds something else."""
    OTHER_CONTENT = "other_content"
    """What is in it is not what it says of itself."""
    SCRATCH_NEEDED = "scratch_needed"
    PLACE_TAKEN = "place_taken"
    OTHER_DATABASE = "other_database"
    """Of SQLite, to be put into PostgreSQL, or the other way round."""
    OTHER_VERSION = "backup_of_other_version"
    OTHER_KEYS = "other_keys"


class MoveProblem(Problem):
    """Why an installation does not move to another database."""

    NOT_EMBEDDED = "not_embedded"
    NOT_A_SERVER = "not_a_server"
    PLACE_TAKEN = "database_taken"
    DIFFERS = "copy_differs"
    MOVED_ALREADY = "moved_already"


class RestoreProblem(Problem):
    """Why a restore is not accepted."""

    NOT_RESTORED = "not_restored"
    """The log agrees with every signed head: there is nothing to accept."""
    NOT_CLEARED = "not_cleared"
    OWN = "own_restore"
    SAME_ROLE = "same_role"
    SAYS_NOTHING = "says_nothing"
    IDENTIFIER_IN_TEXT = "identifier_in_text"
    TEXT_TOO_LONG = "text_too_long"
    DAMAGED = "log_damaged"
    """The log itself was changed: that is no restore, and nobody may accept it."""


class RecordsProblem(Problem):
    """Why records that are not as the log says may not stay."""

    NOTHING_DIFFERS = "nothing_differs"
    NOT_CLEARED = "not_cleared"
    OWN = "own_word"
    OWN_ROWS = "own_rows"
    """Who says so is among what differs."""
    SAME_ROLE = "same_role"
    ONE_MUST_BE_CLEARED = "one_must_be_cleared"
    LOG_NOT_SOUND = "log_not_sound"
    """The log does not extend its newest signed head: that comes first."""
    SAYS_NOTHING = "says_nothing"
    IDENTIFIER_IN_TEXT = "identifier_in_text"
    TEXT_TOO_LONG = "text_too_long"


class HeadsProblem(Problem):
    """Why the file of signed heads is not mended."""

    NOTHING_TO_MEND = "nothing_to_mend"
    NOT_CLEARED = "not_cleared"
    DOES_NOT_FIT = "heads_do_not_fit"
    """The log does not extend the heads that can still be read: that is no matter of the file."""


class WitnessProblem(Problem):
    """Why something was not done for the keeper of a witness of others' logs."""

    NOT_BEGUN = "witness_not_begun"
    """The folder holds no witness."""
    ALREADY_THERE = "witness_already_there"
    BAD_NAME = "witness_bad_name"
    NO_LOG_KEY = "witness_no_log_key"
    """What was given is no public key of a log."""
    LOG_KNOWN = "witness_log_known"
    """A log of that name is known already, by this key or another."""
    LOG_UNKNOWN = "witness_log_unknown"
    BUSY = "witness_busy"
    """Another process serves this witness."""
    AGREES = "witness_agrees"
    """No witness of that name saw another history of our log: there is nothing to explain."""


class MailProblem(Problem):
    """Why mail cannot be sent."""

    NOT_SET = "not_set"
    """No mail server is named, or no sender: somebody has to complete the settings."""
    NOT_ENCRYPTED = "not_encrypted"
    """The server is on another machine and the way there is not encrypted."""
    BAD_ADDRESS = "bad_address"
    """What it should go to, or come from, is no address."""
    UNREACHABLE = "unreachable"
    """Try again later."""
    CERTIFICATE = "certificate"
    LOGIN_REFUSED = "login_refused"
    REFUSED = "refused"
    """The server does not take this letter, for this sender or this recipient."""


class OutletProblem(Problem):
    """Why nothing could be passed on."""

    UNREACHABLE = "unreachable"
    """Try again later."""
    CERTIFICATE = "certificate"
    REFUSED = "refused"
    """The other side does not take it: somebody has to look."""


class EvidenceProblem(Problem):
    """Why something about evidence cannot be done."""

    GATE_CLOSED = "gate_closed"
    """No gate for observing is open: nothing of a feed was opened."""
    OTHER_SUBJECTS = "other_subjects"
    """The feed is known and covers devices where this mapping says accounts, or the other way round."""
    UNKNOWN_FEED = "unknown_feed"
    CLOSED_MEANWHILE = "closed_meanwhile"
    """A gate or a consent was closed while a feed was read: nothing of it went in."""
    NOTHING_TO_UNDO = "nothing_to_undo"
    """No file of that feed can be taken back: there is none, or a report was made since."""
    UNKNOWN_DEVICE = "unknown_device"
    NOT_THE_HOLDER = "not_the_holder"
    UNKNOWN_TEXT = "unknown_text"
    TEXT_CHANGED = "text_changed"
    IN_FUTURE = "in_future"
    SCAN_NEEDED = "scan_needed"
    UNKNOWN_DECLARATION = "unknown_declaration"
    BAD_LIST = "bad_list"
    NOT_CLEARED = "not_cleared"
    SECOND_PERSON = "second_person"
    NO_CONSENT = "no_consent"
    PERIOD = "period"
    BEFORE_FIRST_LOOK = "before_first_look"
    """A report over days before anything was looked at."""
    UNKNOWN_CONTEST = "unknown_contest"
    NOT_ASKED = "not_asked"
    """No such view waits for a second person, or the asking has run out."""
    NOT_OPEN = "not_open"
    """The view is not granted, is over, or another pair's."""
    OTHER_DOOR = "other_door"
    WORKER_NOT_KNOWN = "worker_not_known"
    """Nobody knows which worker this account is, so what is about them could not be kept from them."""
    LEADS_PEOPLE = "leads_people"
    ABOUT_THEMSELVES = "about_themselves"
    BAD_REASON = "bad_reason"


class InquiryProblem(Problem):
    """Why a mandate or a question of an inquiry is not recorded, decided or answered."""

    NOT_CLEARED = "not_cleared"
    NOT_FOUND = "not_found"
    """There is none, or it is not for who asks, or waits for nobody."""
    UNREADABLE = "unreadable"
    ABOUT_YOU = "about_you"
    """About who acts, or somebody whom they lead."""
    SECOND_NOT_FIT = "second_not_fit"
    """The second person is the first, is not cleared, or it is about them or somebody whom they lead."""
    UNKNOWN_WORKER = "unknown_worker"
    UNKNOWN_PHONE = "unknown_phone"
    """No phone of that name reads a book of the worker."""
    DAYS = "days"
    """The last day of what it is about lies before the first, or ahead."""
    ENDS = "ends"
    """Its own last day is past, or too far ahead."""
    SAYS_NOTHING = "says_nothing"
    TEXT_TOO_LONG = "text_too_long"
    IDENTIFIER_IN_TEXT = "identifier_in_text"
    NO_LIST = "no_list"
    """Not one line holds a number or an address."""
    TOO_MANY_LINES = "too_many_lines"
    OTHER_LIST = "other_list"
    """Another list than the one that was approved."""
    OVER = "over"
    """The mandate, or what was approved under it, is over."""
    ENOUGH_TODAY = "enough_today"


class ClientQuestionProblem(Problem):
    """Why a client who asks is not answered. None of these depends on what is known of their number."""

    NOT_CLEARED = "not_cleared"
    UNREADABLE = "unreadable"
    NOT_ONE_NUMBER = "not_one_number"
    """What was typed is no number or address, or is several."""
    NO_PERSON_OF_CASE = "no_person_of_case"
    """A line is not a case number with a person's code."""
    IDENTIFIER_IN_TEXT = "identifier_in_text"
    ENOUGH_TODAY = "enough_today"
    LETTER_OVER = "letter_over"
    """The letter was made too long ago, or for somebody else."""


class PackageProblem(Problem):
    """Why an evidence package is not asked for, confirmed, made or opened."""

    NOT_CLEARED = "not_cleared"
    NOT_FOUND = "not_found"
    """There is none, or it is not for who asks, or waits for nobody."""
    UNREADABLE = "unreadable"
    SECOND_NOT_FIT = "second_not_fit"
    NEEDS_MANDATE = "needs_mandate"
    """An investigator asks under an inquiry of theirs that is in force."""
    SAYS_NOTHING = "says_nothing"
    TEXT_TOO_LONG = "text_too_long"
    IDENTIFIER_IN_TEXT = "identifier_in_text"
    NO_RECIPIENT = "no_recipient"
    BAD_RECIPIENT = "bad_recipient"
    NOTHING_CHOSEN = "nothing_chosen"
    BAD_SEED = "bad_seed"
    TOO_MUCH = "too_much"
    UNKNOWN_LINE = "unknown_line"
    NOT_RESTRICTED = "not_restricted"
    UNKNOWN_REPORT = "unknown_report"
    OTHER_ANSWER = "other_answer"
    """A file is no signed answer of this installation, or not one of those that were confirmed."""
    NOT_CONFIRMED = "not_confirmed"
    OVER = "over"
    NOTHING_THERE = "nothing_there"
    """What was chosen comes to nothing, whatever the cause."""
    BODY_GONE = "body_gone"
    """What stands behind a restricted line cannot be opened any more."""
    LOG_NOT_SOUND = "log_not_sound"
    CHANGED = "package_changed"
    """Made now it would be another than the first time."""
    FILE_THERE = "file_there"
    NO_STAMP = "no_stamp"
    BAD_IDENTITY = "bad_identity"
    NOT_FOR_THIS_KEY = "not_for_this_key"


class ApiProblem(Problem):
    """Why a program's request is not done."""

    UNAUTHORISED = "unauthorised"
    OTHER_SCOPE = "other_scope"
    NO_SYSTEM = "no_system"
    """The token is for no case system."""
    NOT_FOUND = "not_found"
    METHOD = "method_not_allowed"
    NOT_JSON_TYPE = "not_json_type"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    BAD_BODY = "bad_body"
    """Its faults stand in `errors`."""
    KEY_NEEDED = "key_needed"
    KEY_REUSED = "key_reused"
    """The same key came with another request before."""
    CONDITION_NEEDED = "condition_needed"
    CONDITION_BAD = "condition_bad"
    CASE_CHANGED = "case_changed"
    """The case is not, or no more, what the sender takes it to be."""
    OTHER_CASE = "other_case"
    """The number in the body is not that of the address."""
    OTHER_EMPLOYER = "other_employer"
    GATE_CLOSED = "gate_closed"
    STOPPED = "stopped"
    """The breaker: a person has to look first."""
    TOO_OFTEN = "too_often"
    UNAVAILABLE = "unavailable"
    RESTORED = "restored"
    FAILED = "failed"


class BodyProblem(Problem):
    """What is wrong at one place of a body; those that an export can have too are called as they are there."""

    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    FIELD_TWICE = "field_twice"
    MISSING = "missing"
    UNKNOWN_FIELD = "unknown_field"
    UNKNOWN_WORD = "unknown_word"
    WRONG_TYPE = "wrong_type"
    WRONG_FORM = "wrong_form"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    CASE_TWICE = "case_twice"
    MISSING_VALUE = "missing_value"
    LINE_BREAK = "line_break"
    FORMULA = "formula"
    ERROR_CELL = "error_cell"
    DITTO = "ditto"
    BAD_DATE = "bad_date"
    ABSURD_DATE = "absurd_date"
    FUTURE_CLOSURE = "future_closure"
    ENDS_BEFORE_START = "ends_before_start"
    BAD_CASE_NUMBER = "bad_case_number"
    BAD_PERSON_CODE = "bad_person_code"
    SHORTENED_NUMBER = "shortened_number"
    NOT_AN_IDENTIFIER = "not_an_identifier"
    UNREADABLE_NUMBER = "unreadable_number"
    DATE_AS_IDENTIFIER = "date_as_identifier"


class RefusedError(Exception):
    """What was asked is not done, and nothing was changed; `problem` says why, without a word of what was asked."""

    def __init__(self, problem: Problem, *, line: int | None = None, field: str | None = None) -> None:
        """problem: why. line: of a file, the header being 1. field: which column or input."""
        super().__init__(problem.value)
        self.problem = problem
        self.line = line
        self.field = field


class SetupRefusedError(RefusedError):
    """An installation or a gate is not recorded."""

    problem: SetupProblem


class ConnectionSetupRefusedError(RefusedError):
    """A connection is not saved or taken away."""

    problem: ConnectionProblem

    def __init__(
        self, problem: ConnectionProblem, *, field: str | None = None, faults: Mapping[str, OptionFault] | None = None
    ) -> None:
        """faults: of each field."""
        super().__init__(problem, field=field)
        self.faults = faults or {}


class ListRefusedError(RefusedError):
    """Nothing of a list went in."""

    problem: PlaceListProblem | DeviceListProblem


class DecisionRefusedError(RefusedError):
    """What a person decided is not recorded, or what they would decide on is not shown."""

    problem: DecisionProblem | ClosureProblem | PlanProblem


class InquiryRefusedError(RefusedError):
    """A mandate or a question of an inquiry is not recorded, decided or answered."""

    problem: InquiryProblem


class ClientQuestionRefusedError(RefusedError):
    """A client who asks is not answered."""

    problem: ClientQuestionProblem


class PackageRefusedError(RefusedError):
    """An evidence package is not asked for, confirmed, made or opened."""

    problem: PackageProblem


class PauseRefusedError(RefusedError):
    """A pause is not made, made longer or ended."""

    problem: PauseProblem


class EngineRefusedError(RefusedError):
    """An engine is not taken to have ended."""

    problem: EngineProblem


class SubscriptionRefusedError(RefusedError):
    """A service is not asked to tell of changes of cases."""

    problem: SubscriptionProblem


class AccessRefusedError(RefusedError):
    """An account or a token is not made or changed."""

    problem: AccessProblem


class BackupRefusedError(RefusedError):
    """A backup is not made, opened or put back."""

    problem: BackupProblem


class MoveRefusedError(RefusedError):
    """An installation does not move to another database."""

    problem: MoveProblem


class RestoreRefusedError(RefusedError):
    """What was asked about a restore is not done."""

    problem: RestoreProblem


class RecordsRefusedError(RefusedError):
    """Records that are not as the log says may not stay as they are."""

    problem: RecordsProblem


class HeadsRefusedError(RefusedError):
    """The file of signed heads is not mended."""

    problem: HeadsProblem


class WitnessRefusedError(RefusedError):
    """Nothing was done for the keeper of a witness."""

    problem: WitnessProblem


class PushRefusedError(RefusedError):
    """What a program asked is not done."""

    problem: ApiProblem

    def __init__(self, problem: ApiProblem, pointers: Sequence[str] = (), *, change: str = "") -> None:
        """pointers: the places of the body that it is about. change: the id of what was stopped."""
        super().__init__(problem)
        self.pointers = tuple(pointers)
        self.change = change


class EvidenceRefusedError(RefusedError):
    """Something about evidence is not done."""

    problem: EvidenceProblem
