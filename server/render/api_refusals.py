"""Why a program's request is not done, and what to do: a sentence for each problem of the API; no HTTP, no act."""

from __future__ import annotations

from collections.abc import Mapping

from server.core.problems import ApiProblem, BodyProblem
from server.core.text import Text, phrase

API_PROBLEMS: Mapping[ApiProblem, Text] = {
    ApiProblem.UNAUTHORISED: phrase(
        "The token is not known, or ended. Ask an administrator for one (closeout token add) and send it as "
        "Authorization: Bearer."
    ),
    ApiProblem.OTHER_SCOPE: phrase("The token may not do this. Ask an administrator for one with the scope it needs."),
    ApiProblem.NO_SYSTEM: phrase(
        "The token is for no case system. Have one made that names it: closeout token add --case-system"
    ),
    ApiProblem.NOT_FOUND: phrase("There is nothing here for this token. Look at the address."),
    ApiProblem.METHOD: phrase("This cannot be asked here. The header Allow says what can."),
    ApiProblem.NOT_JSON_TYPE: phrase("Send JSON, with Content-Type: application/json."),
    ApiProblem.TOO_LARGE: phrase("The body is too large. Send fewer cases at once."),
    ApiProblem.NOT_JSON: phrase("The body cannot be read as JSON that means one thing. Nothing of it was imported."),
    ApiProblem.BAD_BODY: phrase("Nothing of the body was imported. What is wrong, and where, is in errors."),
    ApiProblem.KEY_NEEDED: phrase(
        "Send an Idempotency-Key: 1 to 200 visible characters, new for each request and the same when it is repeated."
    ),
    ApiProblem.KEY_REUSED: phrase("This Idempotency-Key came with another request before. Take a new one."),
    ApiProblem.CONDITION_NEEDED: phrase(
        "The case is known: say as what, by If-Match with the ETag that was given last. Ask for it by cases:find, look "
        "whether it still is as you think, and send it again."
    ),
    ApiProblem.CONDITION_BAD: phrase("If-Match holds one ETag as it was given, in its quotes, or an asterisk."),
    ApiProblem.CASE_CHANGED: phrase(
        "The case was changed since, or is not there. Ask for its ETag by cases:find, read the case "
        "again in the case system, and send that."
    ),
    ApiProblem.OTHER_CASE: phrase(
        "The number in the body does not belong to the address. Ask for its own by cases:find."
    ),
    ApiProblem.OTHER_EMPLOYER: phrase("The case is one of another employer than the token's. Nothing was imported."),
    ApiProblem.GATE_CLOSED: phrase(
        "DPIA and consent for removing contacts are not in force for this employer. The privacy officer records them: "
        "closeout gate record"
    ),
    ApiProblem.STOPPED: phrase(
        "Far more cases would be closed today than usual, so nothing was imported. A person checks "
        "first: closeout cases confirm CHANGE. Then send the same again, with the same key."
    ),
    ApiProblem.TOO_OFTEN: phrase("Too many requests. Wait a minute and go on."),
    ApiProblem.UNAVAILABLE: phrase(
        "Something that is needed does not answer. Nothing was imported. Send the same again in a "
        "minute, with the same key."
    ),
    ApiProblem.RESTORED: phrase(
        "The database does not match what was signed, so nothing is imported or answered. An "
        "administrator has to look: closeout doctor"
    ),
    ApiProblem.FAILED: phrase(
        "Something went wrong here. Send the same again with the same key. If it keeps happening, give "
        "an administrator the number."
    ),
}

BODY_PROBLEMS: Mapping[BodyProblem, Text] = {
    BodyProblem.NOT_JSON: phrase("This is no JSON in UTF-8."),
    BodyProblem.TOO_DEEP: phrase("Objects and lists are nested too deeply."),
    BodyProblem.FIELD_TWICE: phrase("An object has the same field twice. Which one is meant is not guessed."),
    BodyProblem.MISSING: phrase("The field is required. A list may be empty, but has to be there."),
    BodyProblem.UNKNOWN_FIELD: phrase("There is no such field. The description of the API lists all."),
    BodyProblem.UNKNOWN_WORD: phrase("The word is not one of those that the description of the API lists."),
    BodyProblem.WRONG_TYPE: phrase("This is of another type than the description of the API gives."),
    BodyProblem.WRONG_FORM: phrase("This does not have the form that the description of the API gives."),
    BodyProblem.EMPTY: phrase("This is empty, and has to say something."),
    BodyProblem.TOO_LONG: phrase("This is too long."),
    BodyProblem.TOO_MANY: phrase("There are too many entries in this list."),
    BodyProblem.CASE_TWICE: phrase("The body has this case twice. Send it once, as it is."),
    BodyProblem.MISSING_VALUE: phrase("The value is empty and is required. Fill it in the case system."),
    BodyProblem.LINE_BREAK: phrase("The value holds a line break or control character. Remove it."),
    BodyProblem.FORMULA: phrase("The value begins as a formula does. Send it as it is meant."),
    BodyProblem.ERROR_CELL: phrase("The value is a spreadsheet's error. Correct it where it comes from."),
    BodyProblem.DITTO: phrase("The value points at another one. Send its own."),
    BodyProblem.BAD_DATE: phrase("This is no date or moment as 2025-03-04 or 2025-03-04T16:30:00+01:00."),
    BodyProblem.ABSURD_DATE: phrase("The date lies before 1990 or far ahead. Correct it in the case system."),
    BodyProblem.FUTURE_CLOSURE: phrase("The closure lies in the future. Look at the clocks, or send it when it is so."),
    BodyProblem.ENDS_BEFORE_START: phrase("The end lies before the start. Correct it in the case system."),
    BodyProblem.BAD_CASE_NUMBER: phrase("This is no case number."),
    BodyProblem.BAD_PERSON_CODE: phrase("This is no neutral code of at most 4 letters or digits. Never send a name."),
    BodyProblem.SHORTENED_NUMBER: phrase("A spreadsheet shortened the number. Send it as text, whole."),
    BodyProblem.NOT_AN_IDENTIFIER: phrase("This is no telephone number or e-mail address. Correct it."),
    BodyProblem.UNREADABLE_NUMBER: phrase("This leaves open which number is meant. Send one number in each value."),
    BodyProblem.DATE_AS_IDENTIFIER: phrase("This is a date, and no number or address. Correct it."),
}
