"""What trying every situation under a policy told, as an answer; nothing is tried here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from server.core.policy.collisions import TODAY, Collisions
from server.core.policy.contradictions import NOT_SAID, Contradiction, order
from server.core.policy.model import Policy
from server.core.policy.schema import PolicyFile
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase
from server.render.answers import Answer

_NAME = phrase("Contradiction")


def linted(
    content: PolicyFile, policy: Policy, tried: Collisions, found: Iterable[Contradiction], language: str
) -> Answer:
    """After `policy lint`. found: contradictions; those that the policy accepts by name are told with its words."""
    told = sorted(found, key=lambda each: order(each.name))
    names = {each.name for each in told}
    left = [each for each in told if each.name not in content.accepts]
    stale = sorted((name for name in content.accepts if name not in names), key=order)
    lines = [
        phrase(
            "Tried: {count} situation, as of {day}, under {version}.",
            many="Tried: {count} situations, as of {day}, under {version}.",
            count=tried.tried,
            day=TODAY,
            version=policy.version,
        ),
        *(phrase("The policy accepts {name}, which is not found any more: take it out.", name=name) for name in stale),
    ]
    sections = (
        _contradictions(content, told, language),
        _never(tried),
        _gaps(tried),
        _meets(tried),
        _not_said(),
    )
    if left or stale:
        title = phrase("The policy accepts what is not found in it.")
        if left:
            title = phrase(
                "{count} contradiction is not settled by the policy.",
                many="{count} contradictions are not settled by the policy.",
                count=len(left),
            )
        return Answer(ok=True, title=title, lines=tuple(lines), sections=sections, key="policy_contradictions")
    title = phrase("Nothing contradicts itself that the policy does not accept.")
    return Answer(ok=True, title=title, lines=tuple(lines), sections=sections, key="policy_without_contradictions")


def _contradictions(content: PolicyFile, told: Sequence[Contradiction], language: str) -> Section:
    return Section(
        "contradictions",
        phrase("Contradictions"),
        columns=(
            Column("name", _NAME),
            Column("where", phrase("Where")),
            Column("problem", phrase("What")),
            Column("case", phrase("A case that shows it")),
            Column("accepted", phrase("Accepted because")),
        ),
        rows=tuple(
            (
                each.name,
                each.where,
                each.problem,
                _case(each.shown_by),
                content.accepts[each.name].in_language(language) if each.name in content.accepts else None,
            )
            for each in told
        ),
        empty=phrase("None."),
    )


def _never(tried: Collisions) -> Section:
    return Section(
        "never",
        phrase("Rules that never decide, since the policy switches them off"),
        columns=(Column("rule", phrase("Rule")),),
        rows=tuple((name,) for name in tried.never),
        empty=phrase("None."),
    )


def _gaps(tried: Collisions) -> Section:
    return Section(
        "gaps",
        phrase("Cases for which there is no rule: a person decides"),
        columns=(Column("case", phrase("A case that shows it")),),
        rows=tuple((_case(each.shown_by),) for each in tried.gaps),
        empty=phrase("None."),
    )


def _meets(tried: Collisions) -> Section:
    return Section(
        "meets",
        phrase("Rules that answer differently about one contact: the first decides"),
        columns=(
            Column("first", phrase("First rule")),
            Column("decides", phrase("It decides"), Kind.CODE),
            Column("second", phrase("Second rule")),
            Column("would", phrase("It would decide"), Kind.CODE),
            Column("case", phrase("A case that shows it")),
        ),
        rows=tuple((each.first, each.decides, each.second, each.would, _case(each.shown_by)) for each in tried.meets),
        empty=phrase("None."),
    )


def _not_said() -> Section:
    return Section(
        "not_said",
        phrase("Contradictions of the field that no policy can have in it"),
        columns=(Column("name", _NAME), Column("why", phrase("Why"))),
        rows=tuple(NOT_SAID.items()),
    )


def _case(said: tuple[Text, ...]) -> Text:
    return phrase("{case}.", case=said)
