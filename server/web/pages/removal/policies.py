"""The policy: read, checked, compared, explained, counted on the real register, proposed, and put in force by two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from server.core.model import CLEARED_FOR_CASES, CLEARED_FOR_HOLDS, GOES, Decision, Reason, Role
from server.core.policy.compare import Difference, compare, values_of
from server.core.policy.document import PolicyDocument, PolicyFault, Severity, standing
from server.core.policy.explain import explain, tell
from server.core.policy.load import CheckedPolicy
from server.core.problems import DecisionRefusedError
from server.core.removal.approvals import ProposalOutcome
from server.core.reports.changes import rules_section
from server.core.reports.postponed import down_to_tens
from server.core.tables import Column, Kind, Row, Section
from server.core.text import Text, phrase
from server.render.refusals import UNPROPOSED, at_page
from server.store.admin.policy_proposals import ProposalRow
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import fill, here, notify
from server.work.removal import plan, policy_changes

_WAIT_SECONDS = 1.5
_IN_FORCE = "in-force"
RULE_TITLES: Mapping[str, Text] = {
    "classes_that_stay": phrase("Who always stays"),
    "staleness": phrase("How recent the register must be"),
    "deviations": phrase("Who may keep a contact longer"),
    "assignment": phrase("Workers on the case"),
    "former_numbers": phrase("Former numbers"),
    "monitoring": phrase("The monitoring phase"),
    "final_closure": phrase("Final closure"),
    "grace": phrase("The waiting period after closure"),
    "recorded_in_case_file": phrase("Recorded in the case file first"),
    "never_assigned": phrase("Contacts of workers who were never on the case"),
    "tombstones": phrase("Contacts that come back"),
    "mass_action": phrase("Large removals and imports"),
    "case_numbers": phrase("How case numbers are recognised"),
    "provisioning": phrase("Putting contacts back on phones"),
    "look_interval": phrase("How often address books are read"),
}
"""What each rule of the policy language is called for people; a test asks for all of them."""
_MAY_PROPOSE = frozenset({Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER})
_MAY_GRANT = frozenset({Role.PRIVACY_OFFICER})
_STAYS = frozenset(each.value for each in Decision) - {each.value for each in GOES}
_TEXT = Input(
    "text",
    phrase("The text of the policy"),
    InputKind.AREA,
    longest=policy_changes.LONGEST,
    hint=phrase("YAML, as the manual of the policy language describes. Begin with the policy in force and change it."),
)
_WHY = Input(
    "why",
    phrase("Why it should be in force"),
    InputKind.AREA,
    longest=300,
    hint=phrase("In a sentence or two, without names. Who decides reads it, and it stays with the proposal."),
)
_CASE = Input("case", phrase("Case number"), longest=64)
_WORKER = Input("worker", phrase("Worker"), longest=64, hint=phrase("The worker's staff code, such as: worker-01"))


def show() -> ResponseReturnValue:
    """The policy in force rule by rule, and what was proposed."""
    at = here()
    document = at.site.policies.in_force()
    rows = policy_changes.newest(at.context)
    language = at.words.language
    return fill(
        "policies.html",
        phrase("Policy"),
        document=document,
        head=document.content.policy,
        rules=[
            (name, rule, _values(document, name), rule.why.in_language(language))
            for name, rule in document.content.rules.each()
        ],
        sources=document.content.sources,
        standing=[each.problem for each in standing(document, at.context.today())],
        titles=RULE_TITLES,
        numbers=rules_section(document.policy),
        proposals=_proposals(rows),
        links=[url_for("policies.one", uid=row.uid) for row in rows],
        may_propose=at.role in _MAY_PROPOSE,
        may_explain=at.role in CLEARED_FOR_CASES,
        case=_CASE,
        worker=_WORKER,
        filled=EMPTY,
    )


def draft() -> ResponseReturnValue:
    """The form to check a text, with the policy in force in it."""
    text, _ = here().site.policies.text()
    return _draft(Filled({"text": text}), None)


def check() -> ResponseReturnValue:
    """All faults of a text at once; a sound one is compared with the policy in force, and can be proposed."""
    filled = read_form(request.form, (_TEXT,))
    if not filled.sound:
        return _draft(filled, None), 400
    checked = policy_changes.check_text(_text(filled))
    return _draft(filled, checked), 200 if checked.document else 400


def propose() -> ResponseReturnValue:
    """Keep a sound text as a proposal."""
    at = here()
    filled = read_form(request.form, (_TEXT, _WHY))
    checked = policy_changes.check_text(_text(filled))
    if not filled.sound or checked.document is None:
        return _draft(filled, checked), 400
    done, uid = policy_changes.propose(
        at.context,
        at.signed_in,
        at.site.policies,
        _text(filled),
        filled.values["why"],
        request.form.get("replaces", ""),
    )
    if done in (ProposalOutcome.ASKED, ProposalOutcome.KNOWN):
        notify(done.value)
        return redirect(url_for("policies.one", uid=uid), 303)
    return _draft(filled, checked, UNPROPOSED[done]), 409


def one(uid: str) -> ResponseReturnValue:
    """One proposal: what it changes, what it would come to, and the second person's answer."""
    return _page(_found(uid))


def count(uid: str) -> ResponseReturnValue:
    """Count it on the real register, beside the policy in force; nothing is removed."""
    at = here()
    _found(uid)
    policy_changes.count(at.context, uid, at.site.policies.in_force().policy, wait=_WAIT_SECONDS)
    return redirect(url_for("policies.one", uid=uid) + "#counts", 303)


def decide(uid: str) -> ResponseReturnValue:
    """Put it in force, refuse it, or withdraw what one proposed oneself."""
    at, row = here(), _found(uid)
    act = request.form.get("act", "")
    if act not in ("grant", "refuse"):
        abort(400)
    if at.role not in _MAY_GRANT and (act == "grant" or row.asked_by != at.signed_in.account):
        abort(403)
    done = policy_changes.decide(at.context, at.signed_in, at.site.policies, uid, grant=act == "grant")
    if done in UNPROPOSED:
        return _page(_found(uid), UNPROPOSED[done]), 409
    notify(done.value)
    return redirect(url_for("policies.one", uid=uid), 303)


def compare_two() -> ResponseReturnValue:
    """Two versions beside each other."""
    at = here()
    rows = policy_changes.newest(at.context)
    before, after = request.args.get("before", _IN_FORCE), request.args.get("after", rows[0].uid if rows else _IN_FORCE)
    documents = [_document(each) for each in (before, after)]
    section = None
    if documents[0] is not None and documents[1] is not None:
        section = _differences(compare(documents[0], documents[1]))
    choices = (
        Choice(_IN_FORCE, phrase("In force: {version}", version=at.site.policies.in_force().policy.version)),
        *(Choice(row.uid, row.version) for row in rows),
    )
    return fill(
        "policies_compared.html",
        phrase("Two versions of the policy"),
        choices=choices,
        before=before,
        after=after,
        section=section,
    )


def explained() -> ResponseReturnValue:
    """Why contacts of a case may stay with a worker or have to go; by form, so that neither stands in an address."""
    at = here()
    filled = read_form(request.form, (_CASE, _WORKER))
    found: list[Sequence[Text]] = []
    if filled.sound:
        try:
            facts = plan.facts_of(at.context, at.role, case=filled.values["case"], worker=filled.values["worker"])
        except DecisionRefusedError as refused:
            field = "worker" if refused.problem.value == "unknown_worker" else "case"
            filled = filled.with_fault(field, at_page(refused.problem))
        else:
            document = at.site.policies.in_force()
            for each in facts:
                told = explain(
                    each.links,
                    document,
                    at.context.now(),
                    each.first_seen,
                    held=each.held,
                    cleared=at.role in CLEARED_FOR_HOLDS,
                )
                found.append(tell(told, at.words.language))
    page = fill(
        "policy_explained.html",
        phrase("Why a contact may stay or has to go"),
        filled=filled,
        inputs=(_CASE, _WORKER),
        found=found,
    )
    return page, 200 if filled.sound else 400


def _text(filled: Filled) -> str:
    """The text as a file holds it: browsers send other ends of lines."""
    return filled.values["text"].replace("\r\n", "\n").replace("\r", "\n") + "\n"


def _values(document: PolicyDocument, rule: str) -> list[tuple[str, str]]:
    return [(name, value) for (of, name), value in values_of(document).items() if of == rule and name != "strictness"]


def _found(uid: str) -> ProposalRow:
    row = policy_changes.find(here().context, uid)
    if row is None:
        abort(404)
    return row


def _document(which: str) -> PolicyDocument | None:
    at = here()
    if which == _IN_FORCE:
        return at.site.policies.in_force()
    row = policy_changes.find(at.context, which)
    return None if row is None else policy_changes.check_text(row.content).document


def _draft(filled: Filled, checked: CheckedPolicy | None, fault: Text | None = None) -> str:
    at = here()
    in_force = at.site.policies.in_force()
    document = None if checked is None else checked.document
    return fill(
        "policy_draft.html",
        phrase("Check and propose a policy"),
        inputs=(_TEXT, _WHY),
        filled=filled,
        fault=fault,
        checked=checked,
        remarks=None if checked is None else _remarks([*checked.faults, *checked.warnings]),
        document=document,
        differences=None if document is None else _differences(compare(in_force, document)),
        same=document is not None and document.digest == in_force.digest,
        replaces=in_force.policy.version,
    )


def _remarks(faults: Sequence[PolicyFault]) -> Section:
    return Section(
        "remarks",
        phrase("Faults and warnings"),
        columns=(
            Column("line", phrase("Line"), Kind.COUNT),
            Column("where", phrase("Where")),
            Column("severity", phrase("What it is")),
            Column("problem", phrase("What")),
            Column("fix", phrase("What to do")),
        ),
        rows=tuple(
            (
                each.line,
                each.where,
                phrase("fault") if each.severity is Severity.FAULT else phrase("warning"),
                each.problem,
                each.fix,
            )
            for each in faults
        ),
        empty=phrase("There are no faults and no warnings."),
    )


def _differences(found: Sequence[Difference]) -> Section:
    return Section(
        "differences",
        phrase("What is decided differently"),
        columns=(
            Column("rule", phrase("Rule")),
            Column("parameter", phrase("Parameter")),
            Column("before", phrase("Before"), blank=phrase("none")),
            Column("after", phrase("After"), blank=phrase("none")),
        ),
        rows=tuple((each.rule, each.parameter, each.before or None, each.after or None) for each in found),
        notes=(phrase("Texts, sources and examples are not compared: they decide nothing."),),
        empty=phrase("Both decide the same."),
    )


_STANDS: Mapping[bool | None, Text] = {
    None: phrase("Waits for a second person"),
    True: phrase("Put in force"),
    False: phrase("Refused or withdrawn"),
}


def _stands(row: ProposalRow) -> Text:
    if row.granted is None and here().context.now() >= row.ends_at:
        return phrase("Ran out")
    return _STANDS[row.granted]


def _proposals(rows: Sequence[ProposalRow]) -> Section:
    return Section(
        "proposals",
        phrase("Proposals"),
        columns=(
            Column("version", phrase("Version")),
            Column("asked", phrase("Proposed"), Kind.INSTANT),
            Column("as", phrase("By"), Kind.CODE),
            Column("stands", phrase("State")),
        ),
        rows=tuple((row.version, row.asked_at, row.asked_as, _stands(row)) for row in rows),
        empty=phrase("Nothing was proposed yet."),
    )


def _replaced(row: ProposalRow, in_force: PolicyDocument) -> PolicyDocument | None:
    """What was in force when it was proposed; None where an earlier version of this program did not keep it."""
    if row.replaced is not None:
        return policy_changes.check_text(row.replaced).document
    return in_force if in_force.policy.version == row.replaces else None


def _page(row: ProposalRow, why_not: Text | None = None) -> str:
    at = here()
    in_force = at.site.policies.in_force()
    document = policy_changes.check_text(row.content).document
    replaced = _replaced(row, in_force)
    waits = row.granted is None and at.context.now() < row.ends_at
    own = row.asked_by == at.signed_in.account
    return fill(
        "policy_proposal.html",
        phrase("A proposal for another policy"),
        row=row,
        stands=_stands(row),
        why_not=why_not,
        faults=() if document is None else [each.problem for each in standing(document, at.context.today())],
        differences=None if document is None or replaced is None else _differences(compare(replaced, document)),
        counts=_counts(row),
        counting=row.counting_at is not None,
        waits=waits,
        own=own,
        stale=waits and in_force.policy.version != row.replaces,
        may_grant=waits and not own and at.role in _MAY_GRANT,
        may_withdraw=waits and own,
        may_count=waits and at.role in _MAY_PROPOSE,
    )


def _counts(row: ProposalRow) -> Section:
    rows: list[Row] = []
    for key, (before, after) in (row.counts or {}).items():
        decision, _, reason = key.partition(" ")
        if key == policy_changes.WOULD_GO:
            rows.insert(0, (None, None, down_to_tens(before), down_to_tens(after)))
        elif decision in _STAYS:  # an earlier version counted what goes, too
            rows.append((Decision(decision), Reason(reason), down_to_tens(before), down_to_tens(after)))
    return Section(
        "counts",
        phrase("What it would come to on the real register"),
        paragraphs=(
            phrase(
                "Counted over every contact that may stay so far or waits for a person, without removing "
                "anything. Rounded down to tens. What may stay is not listed."
            ),
            phrase("What has to go already, now or later, is not counted: a waiting period changes nothing here."),
        ),
        columns=(
            Column("decision", phrase("Decision"), Kind.CODE, blank=phrase("Would have to go, now or later")),
            Column("reason", phrase("Why"), Kind.CODE, blank=phrase("every reason")),
            Column("before", phrase("In force now"), Kind.COUNT),
            Column("after", phrase("As proposed"), Kind.COUNT),
        ),
        rows=tuple(rows),
        empty=phrase("It was not counted yet."),
    )
