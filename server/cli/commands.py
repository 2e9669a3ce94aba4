"""Every command there is: its name, where it lives, and the line that help shows of it. No command lives here.

What a command needs is loaded when it is called; the modules are named, not imported, so that help costs none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from server.cli.call import Call, Options
from server.cli.lazy import Entry, Group, Lazy, LazyGroup
from server.core.model import Role

COMMANDS: Mapping[str, Entry] = {
    "init": Lazy(
        "admin.installation:init",
        "Make a new installation: tables, keys readable by you alone, an empty log.",
    ),
    "update": Lazy(
        "admin.installation:update",
        "Bring the tables to this version of closeout, after an update; make a backup first.",
    ),
    "doctor": Lazy(
        "admin.installation:doctor",
        "Check keys, database, clock, DPIA and consent, policy and address books, and say what to do about each fault.",
    ),
    "gate": Group(
        "What must be recorded before anybody's contacts are read: DPIA and works-council consent.",
        {
            "record": Lazy(
                "admin.gates:gate_record",
                "Record that the address books or the phone use of an employer's workers may be read, until "
                "when, and on what ground.",
            ),
            "list": Lazy("admin.gates:gate_list", "Show for which employers DPIA and consent are in force today."),
        },
    ),
    "connection": Group(
        "Contact servers, MDM systems and usage feeds: where they are and how to sign in.",
        {
            "put": Lazy(
                "admin.connections:connection_put",
                "Make or change a connection to a contact server, an MDM system or a usage feed.",
            ),
            "remove": Lazy(
                "admin.connections:connection_remove",
                "Delete a connection that no address book, phone or pause belongs to; its files stay where they are.",
            ),
            "list": Lazy("admin.connections:connection_list", "Show every connection, and whether it can sign in."),
            "kinds": Lazy(
                "admin.connections:connection_kinds",
                "Show what can be connected; with VENDOR, every field of it and what to allow there.",
            ),
            "schema": Lazy(
                "admin.connections:connection_schema",
                "Print the JSON Schema of a connection: every kind with its fields.",
            ),
        },
    ),
    "place": Group(
        "Where contacts can be: one address book of one worker, with the phones that synchronise with it.",
        {
            "import": Lazy(
                "admin.places:place_import",
                "Import a list of address books: CSV with worker, employer, team, connection, address, devices, "
                "logins.",
            ),
            "list": Lazy(
                "admin.places:place_list",
                "Show every address book: when it was read, what in it could not be, and why it could not be "
                "read at all.",
            ),
            "check": Lazy(
                "admin.places:place_check",
                "Try every address book without reading what is in it: sign-in, rights, protocol, and what the "
                "vendor can prove.",
            ),
        },
    ),
    "log": Group(
        "The audit log: what was done, so that no later change goes unseen.",
        {
            "verify": Lazy(
                "admin.log:log_verify",
                "Verify the whole log against signed checkpoints kept outside the database.",
            ),
            "accept-witness": Lazy(
                "admin.log:accept_witness",
                "Say why a witness saw another history of this log; when two people in two roles have, removals go on.",
            ),
            "show": Lazy(
                "admin.log:log_show",
                "Show entries of the log; that they were read is an entry itself.",
            ),
            "key": Lazy(
                "admin.log:log_key",
                "Show the public key that verifies this log's checkpoints, as witnesses and verifiers take it.",
            ),
            "accept-records": Lazy(
                "admin.log:accept_records",
                "Say that records which are not as the log says may stay; when two people in two roles have, removals "
                "go on.",
            ),
            "export": Lazy(
                "admin.log_files:export",
                "Write the open log and its signed checkpoints as files, for whoever verifies it elsewhere.",
            ),
            "verify-files": Lazy(
                "admin.log_files:verify_files",
                "Verify a log that was handed over as files with public keys alone; needs no installation.",
            ),
            "mend-heads": Lazy(
                "admin.log:mend_heads",
                "Keep what can be read of a lost or damaged file of signed checkpoints, and sign from there; "
                "the log says so.",
            ),
        },
    ),
    "receipt": Group(
        "Proof of single removals as small files, which others check with public keys alone.",
        {
            "issue": Lazy(
                "reports.receipts:receipt_issue",
                "Write receipts of verified removals: of contact codes, of one closed case, or a sample that "
                "nobody picks.",
            ),
            "verify": Lazy(
                "reports.receipts:receipt_verify",
                "Check receipts with public keys alone; needs no installation.",
            ),
            "about": Lazy(
                "reports.receipts:receipt_about",
                "Say whether a receipt is about a number or address, which is asked for; for those cleared for cases.",
            ),
        },
    ),
    "package": Group(
        "Evidence packages for a formal request (inspectorate, court, police): asked for, confirmed, made and checked.",
        {
            "ask": Lazy(
                "reports.packages:package_ask",
                "Ask for an evidence package; asks for whom, on what legal basis and why. A second person confirms it.",
            ),
            "list": Lazy(
                "reports.packages:package_list",
                "Show the requests for evidence packages that an account asked for, or is to confirm.",
            ),
            "show": Lazy(
                "reports.packages:package_show",
                "Show one request: for whom, on what basis, why, what goes into it, and to whose keys it is sealed.",
            ),
            "confirm": Lazy(
                "reports.packages:package_confirm", "Confirm what another person asked for; then it can be made."
            ),
            "refuse": Lazy(
                "reports.packages:package_refuse",
                "Refuse what another person asked for, or withdraw what you asked for yourself.",
            ),
            "make": Lazy(
                "reports.packages:package_make",
                "Make a confirmed package in a folder, sealed so that only its addressee opens it.",
            ),
            "verify": Lazy(
                "reports.packages:package_verify",
                "Check an evidence package with public keys alone; needs no installation.",
            ),
            "open": Lazy(
                "reports.packages:package_open",
                "Check an evidence package and write its files into a new folder; nothing is left there unless it is "
                "believed.",
            ),
        },
    ),
    "witness": Group(
        "A witness of other installations' logs: run by others, on a machine of theirs, without a database.",
        {
            "init": Lazy("admin.witness:witness_init", "Make a witness: a folder with a key of its own."),
            "trust": Lazy(
                "admin.witness:witness_trust",
                "Know a log from now on, by the public key that its people handed on.",
            ),
            "show": Lazy(
                "admin.witness:witness_show",
                "Show this witness's public key, and of each log the newest checkpoint that it cosigned.",
            ),
            "begin-anew": Lazy(
                "admin.witness:witness_begin_anew",
                "Forget what was cosigned last of a log, once you know why it does not extend that any more.",
            ),
            "serve": Lazy(
                "admin.witness:witness_serve", "Accept checkpoints and cosign what extends the last, until stopped."
            ),
        },
    ),
    "retention": Group(
        "What closeout itself keeps, for how long, and its removal from the records.",
        {
            "plan": Lazy(
                "admin.retention:retention_plan",
                "Show what closeout itself keeps, for how long, what goes now, and what is kept for good; changes "
                "nothing.",
            ),
            "run": Lazy(
                "admin.retention:retention_run",
                "Remove from the records what is over by the policy; what a decision needs stays. It cannot be taken "
                "back.",
            ),
            "copies": Lazy(
                "admin.retention:retention_copies",
                "Show what was kept apart, sealed, when its record was removed; for those cleared, and the look is "
                "logged.",
            ),
        },
    ),
    "policy": Group(
        "The policy: what the organisation decided, as a file.",
        {
            "check": Lazy(
                "admin.policies:policy_check",
                "List all faults of a policy file at once, with line and fix; without a file, of the one in force.",
            ),
            "lint": Lazy(
                "admin.policies:policy_lint",
                "Find which rules meet, contradict each other, never decide or leave a gap, each with a case.",
            ),
            "test": Lazy(
                "admin.policies:policy_test",
                "Run the examples that a policy carries, each at its own moment.",
            ),
            "explain": Lazy(
                "admin.policies:policy_explain",
                "Say which rule decided about a case's contacts with a worker, and why; for those cleared for cases.",
            ),
            "schema": Lazy("admin.policies:policy_schema", "Print the JSON Schema of a policy, for editors."),
        },
    ),
    "cases": Group(
        "The case register: who is a client of what, and who works on it.",
        {
            "import": Lazy(
                "register.cases:cases_import",
                "Import an export of the case system: all of it, or nothing and why.",
            ),
            "confirm": Lazy(
                "register.cases:cases_confirm",
                "Let a request of a program go on that was stopped because it would close far more cases than "
                "usual; the program then sends it again.",
            ),
            "poll": Lazy(
                "register.zaken:cases_poll",
                "Ask a Zaken API (ZGW) which known cases ended or run again, and take that into the register.",
            ),
            "subscribe": Lazy(
                "register.zaken:cases_subscribe",
                "Have a Notificaties API (ZGW) tell of changes of cases, see how that stands, or end it.",
            ),
        },
    ),
    "hold": Group(
        "Nothing may be removed: silent to everyone who is not cleared for it.",
        {
            "set": Lazy(
                "removal.holds:hold_set",
                "Set a hold: asks what it is about and why, and waits until nothing that it covers is under way.",
            ),
            "release": Lazy(
                "removal.holds:hold_release",
                "Say that a hold may end; a second cleared person who says so within three days ends it.",
            ),
            "review": Lazy(
                "removal.holds:hold_review",
                "Say that a hold was looked at and stays, and when those cleared look at it again.",
            ),
            "list": Lazy("removal.holds:hold_list", "Show holds, to those cleared for them."),
        },
    ),
    "deviation": Group(
        "A reasoned exception: a worker keeps a contact longer, until a day.",
        {
            "add": Lazy(
                "removal.holds:deviation_add",
                "Record a deviation; while it is in force it outranks monitoring and closure.",
            ),
            "list": Lazy("removal.holds:deviation_list", "Show the deviations in force."),
        },
    ),
    "finding": Group(
        "Findings that only a person can look into.",
        {
            "list": Lazy("removal.findings:finding_list", "Show open findings, oldest first."),
            "desk": Lazy(
                "removal.findings:finding_desk",
                "Count open findings by kind: how many, how old in working days, how many overdue, and who has them.",
            ),
            "assign": Lazy(
                "removal.findings:finding_assign",
                "Assign findings to a privacy officer, or to yourself.",
            ),
            "snooze": Lazy("removal.findings:finding_snooze", "Set findings aside until a day, for a reason."),
            "close": Lazy(
                "removal.findings:finding_close",
                "Close findings with what you concluded; what waited for them goes on.",
            ),
        },
    ),
    "look": Lazy(
        "removal.passes:look",
        "Read every address book and remember which entries are clients'; decides and removes nothing.",
    ),
    "plan": Lazy("removal.passes:plan", "Show what a run would do, line by line with reasons; changes nothing."),
    "release": Lazy(
        "removal.passes:release",
        "Approve a large removal that waits because it is above a limit; without an id, show what awaits approval.",
    ),
    "run": Lazy(
        "removal.passes:run",
        "Read the address books, decide what is due, and remove what must go; `verify` then verifies it.",
    ),
    "verify": Lazy(
        "removal.passes:verify",
        "Read again every address book where something was removed; only this verifies a removal.",
    ),
    "engine": Lazy(
        "removal.passes:run_engine",
        "Keep working until stopped: read, decide, remove, verify, round after round.",
    ),
    "status": Lazy(
        "removal.passes:status",
        "Show how many orders are in which state, what waits for a person, and what failed.",
    ),
    "support-bundle": Lazy(
        "admin.support:support_bundle",
        "Write a file for whoever helps you: versions, settings that are set, what doctor says; no personal data.",
    ),
    "metrics": Lazy(
        "reports.metrics:metrics", "Print the metrics for Prometheus, or put them into a file, whole or not at all."
    ),
    "engines": Group(
        "Background workers of which calls may still be sent, although another took their work over.",
        {
            "list": Lazy(
                "removal.engines:engines_list",
                "Show background workers of which calls may still be sent: another took their work over, and "
                "they have not answered.",
            ),
            "gone": Lazy(
                "removal.engines:engines_gone",
                "Say that a background worker no longer runs and cannot wake, since its machine is gone.",
            ),
        },
    ),
    "pause": Lazy(
        "removal.pauses:pause",
        "Let no removal begin, of anything or at one connection; reading and deciding go on.",
    ),
    "resume": Lazy("removal.pauses:resume", "End a pause: what waited is decided again, and goes."),
    "backup": Group(
        "Encrypted backups: making, verifying and restoring them, and the end of a restore.",
        {
            "make": Lazy(
                "admin.backups:backup_make",
                "Make an encrypted backup in a folder, while everything goes on working; who has the private key "
                "opens it.",
            ),
            "verify": Lazy(
                "admin.backups:backup_verify",
                "Open a backup, restore it into a scratch place and verify its log; needs no installation.",
            ),
            "restore": Lazy(
                "admin.backups:backup_restore",
                "Restore a backup where there is no installation: the keys first, then the database.",
            ),
            "accept-restore": Lazy(
                "admin.backups:accept_restore",
                "Say what was lost with a restored database; when two people in two roles have, log and "
                "checkpoints agree again.",
            ),
        },
    ),
    "move": Lazy(
        "admin.moves:move",
        "Move the embedded database to a PostgreSQL server: every row, compared; the old one takes no more.",
    ),
    "serve": Lazy("admin.web:serve", "Serve the pages for people until stopped; a demo lets you pick a role."),
    "login": Lazy(
        "admin.sign_in:login", "Sign in at this terminal with your account; asks for name, password and code."
    ),
    "logout": Lazy("admin.sign_in:logout", "Sign out at this terminal."),
    "account": Group(
        "Who may sign in to the pages, for sites without an identity provider.",
        {
            "add": Lazy("admin.web:account_add", "Make an account; shows once what its code app needs."),
            "renew": Lazy(
                "admin.web:account_renew",
                "A new password and a new secret for codes, for who lost one; signs out everywhere.",
            ),
            "link": Lazy(
                "admin.web:account_link",
                "Link an account to a worker, so that what is about them is kept from them.",
            ),
            "disable": Lazy("admin.web:account_disable", "Let nobody sign in with it any more; signs out everywhere."),
            "sign-out": Lazy(
                "admin.web:account_sign_out", "Sign an account out everywhere, or everybody; who may sign in still may."
            ),
            "list": Lazy("admin.web:account_list", "Show every account, its roles, and whether it may sign in."),
        },
    ),
    "token": Group(
        "Access tokens for programs.",
        {
            "add": Lazy(
                "admin.web:token_add",
                "Make a token by which a program may read status or metrics, push cases or read outcomes; "
                "shows it once.",
            ),
            "list": Lazy(
                "admin.web:token_list",
                "Show every token: what it may do, for which case system, until when, and when it was used last.",
            ),
            "end": Lazy("admin.web:token_end", "End a token at once."),
        },
    ),
    "notify": Lazy(
        "admin.notify:notify",
        "Make the reports that are due, mail that they are ready, and forward what is new in the log; safe to repeat.",
    ),
    "device": Group(
        "Phones: who has one, which MDM manages them, how they are configured.",
        {
            "list": Lazy(
                "phones.devices:device_list",
                "Show coverage by team, phones that stopped syncing, what an MDM cannot see, and every managed phone.",
            ),
            "show": Lazy(
                "phones.devices:device_show",
                "Show one phone by its id: where a number can be saved on it, whether that is blocked, what "
                "should be deployed.",
            ),
            "import": Lazy(
                "phones.devices:device_import",
                "Import a list of phones: CSV with device, worker, employer, team, use, connection, phone.",
            ),
            "stats": Lazy(
                "phones.devices:device_stats",
                "Import when phones last synchronised: Exchange's Get-MobileDeviceStatistics, as CSV or JSON.",
            ),
            "refresh": Lazy(
                "phones.devices:device_refresh",
                "List the phones of every MDM now, and request what is due from them.",
            ),
            "repush": Lazy(
                "phones.devices:device_repush",
                "Show phones that stopped syncing and are proposed to have their managed contacts account "
                "reset; approve or refuse it.",
            ),
        },
    ),
    "profile": Group(
        "Profiles for phones: the managed contacts account, and the restrictions that keep apps from reading it.",
        {
            "check": Lazy(
                "phones.profiles:profile_check",
                "List all faults of a profile's file; without a file, of profiles.yaml and of every profile "
                "that it names.",
            ),
            "render": Lazy(
                "phones.profiles:profile_render",
                "Write the profile of one phone to a file that you alone can read, to look at it or to try it.",
            ),
            "push": Lazy(
                "phones.profiles:profile_push",
                "Put a profile on the phones of an MDM, each with values of its own.",
            ),
        },
    ),
    "closure": Group(
        "Closed cases that a work supervisor answers for, where the policy asks them.",
        {
            "list": Lazy(
                "register.closures:closure_list",
                "Show which closed cases of a team wait for an answer, and what was confirmed for it.",
            ),
            "confirm": Lazy(
                "register.closures:closure_confirm",
                "Say that the final closure was confirmed in writing; a QUESTION is an id that `closure list` shows.",
            ),
            "not-yet": Lazy(
                "register.closures:closure_not_yet", "Say that it was not confirmed yet; nothing is removed."
            ),
            "withdraw": Lazy(
                "register.closures:closure_withdraw",
                "Take a confirmation back; what was removed by then is told and stays removed.",
            ),
        },
    ),
    "review": Group(
        "Contacts that wait for a person: nothing is removed until somebody decides.",
        {
            "list": Lazy(
                "removal.reviews:review_list",
                "Show what waits, the longest first, whose turn it is and what they can do.",
            ),
            "answer": Lazy(
                "removal.reviews:review_answer",
                "Decide about one contact that waits; it is decided again at the next run, by the rules.",
            ),
        },
    ),
    "usage": Group(
        "Usage feeds: that phones and accounts are used and how much, never what was said.",
        {
            "import": Lazy(
                "usage.evidence:usage_import",
                "Import files of one feed, classified and summed as they are read; or a list (roster, absence, "
                "apps on phones).",
            ),
            "undo": Lazy(
                "usage.evidence:usage_undo",
                "Take the newest file of a feed back, and put in again what it replaced: until a report is made.",
            ),
            "withdraw": Lazy(
                "usage.evidence:usage_withdraw",
                "Take the sums of a feed out again: all of them, those of one file, or of some days.",
            ),
            "list": Lazy(
                "usage.evidence:usage_list",
                "Show the files and answers that figures rest on, and how much of them could not be placed.",
            ),
            "contacts": Group(
                "Contacts with clients for which no reason is known, by name: two people and a reason.",
                {
                    "ask": Lazy(
                        "usage.evidence:contacts_ask",
                        "Ask to see them; a second person approves within three days.",
                    ),
                    "grant": Lazy(
                        "usage.evidence:contacts_grant",
                        "Approve what another person asked for, and show it to both of you; once.",
                    ),
                    "refuse": Lazy("usage.evidence:contacts_refuse", "Refuse it, or withdraw your own request."),
                },
            ),
            "pull": Lazy(
                "usage.feeds:usage_pull",
                "Ask a service for its usage data up to today; what it reports replaces those days.",
            ),
        },
    ),
    "declaration": Group(
        "The signed declarations of business use, one for each phone and worker.",
        {
            "sign": Lazy(
                "usage.evidence:declaration_sign",
                "Record that the worker who has a phone signed the text in force.",
            ),
            "countersign": Lazy("usage.evidence:declaration_countersign", "Record that the employer signed too."),
            "revoke": Lazy("usage.evidence:declaration_revoke", "End a declaration, as when the phone is handed in."),
            "import": Lazy(
                "usage.evidence:declaration_import",
                "Import a list of signatures: CSV with device, worker, text, signed_on and more.",
            ),
            "list": Lazy(
                "usage.evidence:declaration_list",
                "Show the state of the declaration for each phone; opens findings about missing papers.",
            ),
            "conversation": Lazy(
                "usage.evidence:declaration_conversation",
                "Record that worker and manager talked about the use of the phone; not what was said.",
            ),
            "contests": Lazy(
                "usage.evidence:declaration_contests",
                "Show what workers wrote about their figures; for those cleared to read it, and the access is logged.",
            ),
            "answer": Lazy(
                "usage.evidence:declaration_answer",
                "Record that you answered what a worker wrote about a figure; not what you answered.",
            ),
            "remind": Lazy(
                "usage.evidence:declaration_remind",
                "Mail every worker whose declaration is to be signed or runs out; meant for once a day.",
            ),
            "check": Lazy(
                "usage.evidence:declaration_check",
                "Do and record the periodic review: a sample of phones, and the state of each.",
            ),
            "outcomes": Lazy(
                "usage.evidence:declaration_outcomes",
                "Show what usage data says of business use, in counts; whose it is, is not shown here.",
            ),
        },
    ),
    "attestation": Group(
        "What workers state of numbers saved where nobody can look; they state it on their own page.",
        {
            "remind": Lazy(
                "removal.attestations:attestation_remind",
                "Mail every worker who has not stated yet how it stands with numbers saved elsewhere; meant for once "
                "a day.",
            ),
            "draw": Lazy(
                "removal.attestations:attestation_draw",
                "Show the few workers drawn this month for a talk about what they stated; for those cleared to read "
                "it, and the access is logged.",
            ),
        },
    ),
    "report": Group(
        "Reports, written as files for people and programs: HTML, PDF, XLSX, CSV and JSON, each with the same facts.",
        {
            "sample": Lazy(
                "reports.reports:sample",
                "A sample of verified removals for an inspector, which nobody picks and which can be drawn again.",
            ),
            "removals": Lazy(
                "reports.reports:COMMANDS",
                "What was removed, what was not, and why. Without days: the last ninety.",
            ),
            "channels": Lazy(
                "reports.reports:COMMANDS",
                "Which channels were used with whom, over whole months. Without days: the last three.",
            ),
            "quarterly": Lazy(
                "reports.reports:COMMANDS",
                "Everything the privacy officer reports each quarter, in counts. Without days: the last quarter.",
            ),
            "council": Lazy(
                "reports.reports:COMMANDS",
                "For works council and clients' council: no small groups. Without days: the last half-year.",
            ),
            "management": Lazy(
                "reports.reports:COMMANDS",
                "The fixed paragraph for the management report. Without days: the last quarter.",
            ),
            "coverage": Lazy(
                "reports.reports:COMMANDS",
                "Where we looked, and what may still be there. Without days: the last ninety.",
            ),
            "times": Lazy(
                "reports.reports:COMMANDS",
                "How long after a closure removals were verified. Without days: the last ninety.",
            ),
            "policies": Lazy(
                "reports.reports:COMMANDS",
                "Which versions of the policy decided, what is in force, which DPIA and consent there are.",
            ),
            "deviations": Lazy(
                "reports.reports:COMMANDS",
                "Which reasoned exceptions were in force, whose decision they were, and until when.",
            ),
            "article30": Lazy(
                "reports.reports:COMMANDS",
                "The entry for the record of processing activities (GDPR 30), as the configuration gives it.",
            ),
            "dpia": Lazy(
                "reports.reports:COMMANDS",
                "The annex to the impact assessment (GDPR 35), as the configuration gives it.",
            ),
            "declarations": Lazy(
                "reports.reports:COMMANDS",
                "Declarations compared with usage data, over whole months. Without days: the last three.",
            ),
        },
    ),
}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="closeout", prog_name="closeout")
@click.option("--home", type=click.Path(path_type=Path), help="Folder of the installation (or CLOSEOUT_HOME).")
@click.option("--json", is_flag=True, help="Answer in JSON, for programs.")
@click.option("--language", type=click.Choice(["en", "nl"]), help="Language of answers and of this help.")
@click.option(
    "--as",
    "role",
    type=click.Choice([str(role) for role in Role]),
    help="The role in which you ask; it decides what you see.",
)
@click.pass_context
def closeout(context: click.Context, home: Path | None, json: bool, language: str | None, role: str | None) -> None:
    """Removes client contact details from work phones after case closure, verifies it, and says what it cannot see.

    Begin with: closeout init NAME, gate record, connection put, place import, cases import, plan, run, verify, report
    removals. Each command has its own help.
    """
    call = context.obj = context.obj if isinstance(context.obj, Call) else Call({})
    call.options = Options(home, json, language, role)


closeout.table = COMMANDS
