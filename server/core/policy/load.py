"""Policy text to a policy, or to all that is wrong with it at once; no file is opened here and no clock asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from pydantic import ValidationError

from server.core.model import ContactClass, Disposition
from server.core.policy import schema
from server.core.policy.document import PolicyDocument, PolicyFault, Severity
from server.core.policy.examples import ExampleResult, run_example
from server.core.policy.faults import Remark, tell_form, tell_value
from server.core.policy.lint import Parts, lint, open_tiers_of
from server.core.policy.model import AttestationRules, ConfirmedBy, CountedFrom, Policy, TierLimit, WindowUnit
from server.core.policy.retention import RetentionTerm, Span
from server.core.policy.schema import (
    MAY_BE_LEFT_OUT,
    RULES,
    Attestation,
    Example,
    Head,
    Part,
    PolicyFile,
    RetainedFindings,
    Retention,
    Rule,
    Rules,
)
from server.core.policy.yaml_lines import Lines, Path, read_lines
from server.core.text import phrase

_LATER = 10**9
P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class CheckedPolicy:
    """What a policy file came to.

    document: the policy, None if there are faults. warnings do not keep it from loading. examples: what came out of
    each example that is well formed, also of a policy with faults, as far as its rules can be read. content: all that
    the file says; None: it is not well formed.
    """

    document: PolicyDocument | None
    faults: tuple[PolicyFault, ...]
    warnings: tuple[PolicyFault, ...]
    examples: tuple[ExampleResult, ...]
    content: PolicyFile | None


def check(text: str, file: str) -> CheckedPolicy:
    """A policy from its text, with all faults and warnings in the order of the file. file: base name, for faults."""
    lines = read_lines(text)
    remarks = [tell_form(fault) for fault in lines.faults]
    content: PolicyFile | None = None
    results: tuple[ExampleResult, ...] = ()
    if lines.readable:
        try:
            content = PolicyFile.model_validate(lines.value)
        except ValidationError as error:
            remarks += _merged(tell_value(each) for each in error.errors(include_url=False))
        parts = _parts(lines.value) if content is None else _parts_of(content)
        remarks += lint(parts)
        results = _run(parts)
        remarks += (_contradicted(each) for each in results if not each.holds)
    told = [_place(remark, file, lines) for remark in remarks]
    # Sorting is stable: what stands on one line stays in the order in which it was found.
    told.sort(key=lambda fault: _LATER if fault.line is None else fault.line)
    faults = tuple(fault for fault in told if fault.severity is Severity.FAULT)
    warnings = tuple(fault for fault in told if fault.severity is Severity.WARNING)
    document = None
    if content is not None and not faults:
        digest = _digest(content)
        document = PolicyDocument(file, policy_of(content), content, digest)
    return CheckedPolicy(document, faults, warnings, results, content)


def policy_of(content: PolicyFile) -> Policy:
    """The values that decisions read, also of a policy that does not load."""
    policy = _policy(content.rules, _version(content.policy, _digest(content)))
    return replace(policy, retention=_terms(content))


def _place(remark: Remark, file: str, lines: Lines) -> PolicyFault:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in remark.where)
    line = remark.line or lines.line(remark.where)
    return PolicyFault(file, line, where, remark.problem, remark.fix, remark.severity)


def _merged(remarks: Iterator[Remark]) -> Iterator[Remark]:
    """One remark for each place: the models may say several things of one value."""
    for _where, group in groupby(remarks, key=lambda remark: remark.where):
        yield next(group)


# --- parts that are well formed, when the whole is not ---------------------------------------------------------------


def _parts_of(content: PolicyFile) -> Parts:
    rules = dict(content.rules.each())
    examples = tuple(enumerate(content.examples))
    return Parts(content.policy, frozenset(content.sources), rules, examples, content.retention)


def _parts(plain: Mapping[str, Any]) -> Parts:
    sources, rules, examples = (plain.get(key) for key in ("sources", "rules", "examples"))
    sources = sources if isinstance(sources, dict) else {}
    rules = rules if isinstance(rules, dict) else {}
    examples = examples if isinstance(examples, list) else []
    return Parts(
        head=_sound(Head, plain.get("policy")),
        sources=frozenset(sources),
        rules={
            name: rule
            for name, kind in (RULES | MAY_BE_LEFT_OUT).items()
            if (rule := _sound(kind, rules.get(name))) is not None
        },
        examples=tuple(
            (at, example) for at, value in enumerate(examples) if (example := _sound(Example, value)) is not None
        ),
        retention=_sound(Retention, plain.get("retention")),
        unsaid="retention" not in plain,
        unread=frozenset(
            name for name, kind in MAY_BE_LEFT_OUT.items() if name in rules and _sound(kind, rules[name]) is None
        ),
    )


def _sound(model: type[P], value: Any) -> P | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


# --- examples --------------------------------------------------------------------------------------------------------


def _run(parts: Parts) -> tuple[ExampleResult, ...]:
    """Examples need every rule: what a policy decides without one of them nobody can say."""
    if not RULES.keys() <= parts.rules.keys():
        return ()
    policy = _policy(Rules.model_validate(dict(parts.rules)), "unchecked")
    return tuple(run_example(at + 1, example, policy) for at, example in parts.examples)


def _contradicted(result: ExampleResult) -> Remark:
    where: Path = ("examples", result.at - 1, "expect")
    return Remark(
        where,
        phrase(
            "The example says {expected} ({expected_reason}); the rules say {decided} ({decided_reason}).",
            expected=result.expected[0].value,
            expected_reason=result.expected[1].value,
            decided=result.decided[0].value,
            decided_reason=result.decided[1].value,
        ),
        phrase("Find out which of the two was meant, and correct the other."),
    )


# --- the values that decisions read ----------------------------------------------------------------------------------


def _policy(rules: Rules, version: str) -> Policy:
    return Policy(
        version=version,
        grace_days=rules.grace.days,
        notice_days=rules.grace.notice_days,
        staleness_hours=rules.staleness.hours,
        monitoring_window_days=rules.monitoring.window_days,
        planned_months=tuple(rules.monitoring.planned_months),
        counted_from=CountedFrom(rules.monitoring.counted_from),
        extra_moments=rules.monitoring.extra_moments,
        window_unit=WindowUnit(rules.monitoring.window_in),
        require_recorded=rules.recorded_in_case_file.required,
        former_number_days=rules.former_numbers.days,
        correction_days=rules.former_numbers.correction_days,
        tombstone_days=rules.tombstones.days,
        max_removals=rules.mass_action.max_removals,
        max_share=rules.mass_action.max_share,
        share_from=rules.mass_action.share_from,
        max_closures_factor=rules.mass_action.closures_factor,
        report_only=rules.mass_action.removals == "report_only",
        classes_that_stay=frozenset(ContactClass(name) for name in rules.classes_that_stay.classes),
        case_numbers=tuple(_pattern(written) for written in rules.case_numbers.written_like),
        deviation_tiers=tuple(
            TierLimit(tier, rule.longest_days, rule.partner_required) for tier, rule in open_tiers_of(rules.deviations)
        ),
        look_hours=rules.look_interval.hours,
        answer_days=rules.look_interval.answer_days,
        stubborn_days=rules.look_interval.silent_phone_days,
        closure_confirmed_by=ConfirmedBy(rules.final_closure.confirmed_by),
        puts_back=rules.provisioning.mode == "labelled",
        value_days=rules.provisioning.value_days or 0,
        attestation=_attestation(rules.attestation),
    )


def _attestation(rule: Attestation | None) -> AttestationRules | None:
    if rule is None:
        return None
    return AttestationRules(tuple(rule.places), tuple(rule.remind_days), rule.open_days, rule.counts_days)


def _terms(content: PolicyFile) -> tuple[RetentionTerm, ...]:
    terms: list[RetentionTerm] = []
    for kind, kept in () if content.retention is None else content.retention.each():
        titles = tuple(content.sources[each.source].title for each in kept.cites if each.source in content.sources)
        apart: Mapping[Disposition, str] = kept.by_disposition if isinstance(kept, RetainedFindings) else {}
        terms += [
            RetentionTerm(kind, Span.read(written), ends, "by_disposition" in kept.assumed, titles)
            for ends, written in sorted(apart.items())
        ]
        terms.append(RetentionTerm(kind, Span.read(kept.keep), None, "keep" in kept.assumed, titles))
    return tuple(terms)


def _pattern(written: str) -> str:
    """Digits stand for any digit, letters for themselves in either case, the rest for itself."""
    shape = ""
    for char, group in groupby(written, key=lambda char: "0" if char.isdigit() else char):
        count = len(tuple(group))
        if char == "0":
            shape += f"[0-9]{{{count}}}"
        elif char.isalpha():
            shape += f"[{char.upper()}{char.lower()}]" * count
        else:
            shape += re.escape(char) * count
    return rf"\b{shape}\b"


def _digest(content: PolicyFile) -> str:
    """Of what decides, in one text form: texts, sources, examples, order and comments do not count."""
    rules = {name: _values(rule) for name, rule in content.rules.each()}
    form: dict[str, Any] = {"name": content.policy.name, "version": content.policy.version, "rules": rules}
    if content.retention is not None:  # else the digest stays what it was before there were periods
        form["retention"] = {
            kind.value: kept.model_dump(mode="json", include={"keep", "counted_from", "by_disposition"})
            for kind, kept in content.retention.each()
        }
    return hashlib.sha256(b"closeout/policy/v1\0" + json.dumps(form, sort_keys=True).encode()).hexdigest()


def _values(rule: Rule) -> Mapping[str, Any]:
    values = rule.model_dump(mode="json", include={*rule.parameters(), "strictness"}, by_alias=True)
    default = {name for name in rule.later if values[name] == type(rule).model_fields[name].default}
    return {name: value for name, value in values.items() if name not in default}


def _version(head: schema.Head, digest: str) -> str:
    """Names what was in force, also where somebody changed a number and forgot to change the version."""
    return f"{head.name}-{head.version}+{digest[:8]}"
