"""What the pages show and do: lists to their last row, files, findings, plans, connections, one's own phone."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from server.core.model import GOES, Decision, Reason, Role, State, Tier
from server.render.words import Words
from server.store import pages
from server.store.pages import OrderFilter
from server.store.removal import orders
from server.store.reports import library as library_rows
from server.store.schema import base
from server.web import long_lists
from server.web.pages.removal import my_phone
from server.web.routes import ROUTES
from server.web.table_view import PAGE
from server.work.admin import access
from server.work.removal import deviations_and_holds
from server.work.reports import library
from server.work.reports.removal_report import PASSING
from tests.web.conftest import Browser
from tests.web.town import PASSWORD, POLICY, QUICK, figures_of

ITEM = re.compile(r'href="/removals/([a-z0-9]{26})"')
NEXT = re.compile(r'<a href="([^"]+)" rel="next">')
PREVIOUS = re.compile(r'<a href="([^"]+)" rel="prev">')


def walk(browser, path, link=NEXT):
    """The items of each page, following a link until there is none."""
    found = []
    while path:
        text = browser.get(path.replace("&amp;", "&")).text
        found.append(ITEM.findall(text))
        after = link.search(text)
        path = after and after[1]
    return found, text


def all_orders(town, **chosen):
    with town.store.read() as connection:
        rows = pages.list_orders(connection, OrderFilter(**chosen), passing=PASSING, limit=1_000)
    return [row.id for row in rows]


@pytest.mark.parametrize("stand", ["done", "open", "stuck"])
@pytest.mark.parametrize("oldest", [False, True])
@pytest.mark.parametrize("held", [0, 300])
def test_a_list_shows_every_removal_once_in_order_and_pages_back_the_same_way(
    town, enter, monkeypatch, stand, oldest, held
):
    monkeypatch.setattr(long_lists, "HELD", held)
    officer = enter(Role.PRIVACY_OFFICER)
    expected = all_orders(town, settled=stand == "done", stuck=stand == "stuck")
    expected = expected[::-1] if oldest and not held else expected
    sort = "" if not oldest or held else "proven_at" if stand == "done" else "planned_at"
    forward, last = walk(officer, f"/removals?stand={stand}&removals.sort={sort}")
    assert [item for page in forward for item in page] == expected
    assert all(len(page) == PAGE for page in forward[:-1])
    back = PREVIOUS.search(last)
    if back:
        backward, _ = walk(officer, back[1], PREVIOUS)
        assert [item for page in backward[::-1] for item in page] == expected[: -len(forward[-1])]


def test_filters_narrow_the_list(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    monitored, _ = walk(officer, "/removals?reason=monitoring_outside")
    fetched, _ = walk(officer, "/removals?level=device_synced")
    early, _ = walk(officer, "/removals?until=2026-03-03")
    late, _ = walk(officer, "/removals?since=2026-03-04")
    total = len(all_orders(town, settled=True))
    assert 0 < sum(map(len, monitored)) < total
    assert 0 < sum(map(len, fetched)) < total
    assert sum(map(len, early)) + sum(map(len, late)) == total
    assert officer.get("/removals?reason=nonsense&level=x&since=yesterday&stand=all").status_code == 200


def test_the_whole_list_comes_along_as_a_file_that_runs_nothing(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    answer = officer.get("/removals?stand=done&removals.file=csv")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 1 + len(all_orders(town, settled=True))
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "removals-2026-03-17.csv" in answer.headers["Content-Disposition"]
    document = json.loads(officer.get("/removals?stand=stuck&removals.file=json").data)
    assert {row["state"]["code"] for row in document["rows"]} <= {"person", "ready"}
    assert officer.get("/removals?removals.file=exe").status_code == 404


def test_all_of_one_case_is_found_by_a_form_and_its_number_stands_in_no_address(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    with town.store.read() as connection:
        query = select(base.cases.c.number).join(base.orders, base.orders.c.case_id == base.cases.c.id)
        number = connection.execute(query).scalars().first()
        expected = set(all_orders(town, settled=True, case=number) + all_orders(town, settled=False, case=number))
    answer = officer.post("/removals", case=number)
    assert set(ITEM.findall(answer.text)) == expected
    assert number in answer.text
    assert not re.search(rf'(href|action)="[^"]*{number}', answer.text)


def test_one_removal_shows_its_way_from_closure_to_proof(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    (order, *_) = all_orders(town, settled=True)
    text = officer.get(f"/removals/{order}").text
    steps = re.findall(r"<h3>([^<]+)</h3>", text)
    assert [step.split(":")[0] for step in steps] == [
        "The case was finally closed",
        "Scheduled",
        "The server was asked",
        "The server answered",
        "The whole address book was read again. It was no longer in it.",
        "Phones that synchronised it",
        "Watched until 16 Mar 2027 11",
    ]


def test_a_stopped_order_is_in_no_list_and_has_no_page(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    (order, *_) = all_orders(town, settled=False)
    with town.store.write() as connection:
        connection.execute(
            base.orders.update().where(base.orders.c.id == order).values(state=State.STOPPED, next_at=None)
        )
    assert order not in all_orders(town, settled=False)
    assert officer.get(f"/removals/{order}").status_code == 404


def test_the_overview_counts_what_the_store_holds(town, enter):
    text = enter(Role.PRIVACY_OFFICER).get("/overview").text
    values = [int(value) for value in re.findall(r'<p class="value">(\d+)', text.split('class="figures"')[1])]
    assert values == figures_of(town)
    assert all(values)
    assert "4 of 5 address books were read." in text


def test_the_overview_shows_no_week_before_the_first_look(town, enter):
    """The town is two weeks old: of ten weeks before that a 0 would say that nothing had to go."""
    text = enter(Role.PRIVACY_OFFICER).get("/overview").text
    assert "In use since 3 Mar 2026: address books were not read before that day." in text
    rows = text.split('<table role="table" aria-labelledby="h-trend"')[1].split("</table>")[0]
    assert re.findall(r'<time datetime="([^"]+)"', rows) == ["2026-03-02", "2026-03-09", "2026-03-16"]


def test_the_overview_begins_with_what_to_do_today(town, enter):
    text = enter(Role.PRIVACY_OFFICER).get("/overview").text
    with town.store.read() as connection:
        found = connection.execute(select(base.finding.c.opened_at).where(base.finding.c.closed_at.is_(None))).all()
    tasks = re.findall(r"<li[^>]*>(.*?)</li>", text.split('class="tasks"')[1].split("</ul>")[0])
    told = [re.sub("<[^>]+>", "", each) for each in tasks]
    assert f"{len(found)} findings are not assigned yet: divide the work." in told
    assert "1 large removal awaits approval." in told
    assert text.index('class="tasks"') < text.index('id="h-answer"') < text.index('class="figures"')
    read_along = enter(Role.LINE_MANAGER).get("/overview").text.split('class="tasks"')[1].split("</ul>")[0]
    assert "<a " not in read_along


def test_the_share_removed_within_the_days_of_the_policy_is_that_of_the_rows(town, enter):
    with town.store.read() as connection:
        begun = connection.execute(select(func.min(base.import_run.c.at))).scalar_one()
        rows = connection.execute(
            select(base.orders.c.settled_at, base.cases.c.closed_at)
            .join(base.cases, base.cases.c.id == base.orders.c.case_id)
            .where(base.orders.c.settled_at.is_not(None), base.orders.c.reason == "finally_closed")
        ).all()
    limit = timedelta(days=town.policy.grace_days + 1)
    in_time = sum(row.settled_at - row.closed_at < limit for row in rows)
    backlog = sum(row.settled_at - row.closed_at >= limit and row.closed_at + limit < begun for row in rows)
    whole = len(rows) - backlog
    assert in_time
    assert backlog
    text = enter(Role.PRIVACY_OFFICER).get("/overview").text
    assert f'<p class="value">{100 * in_time // whole}%</p>' in text
    assert f"{in_time} of {whole} contacts whose case was finally closed were removed within 15 days" in text
    assert f"Apart from these, {backlog} were removed" in text


def test_a_line_manager_sees_figures_and_no_way_to_anything(enter):
    text = enter(Role.LINE_MANAGER).get("/overview").text
    assert set(re.findall(r'<a (?:class="by" )?href="(/[a-z]\w*)', text.split("<main")[1])) == {"/overview"}


# --- findings -----------------------------------------------------------------------------------------------------


def first_finding(browser):
    return re.findall(r'href="/findings/([0-9a-f]{16})"', browser.get("/findings/list").text)[0]


def test_a_finding_is_closed_with_a_conclusion_and_the_log_knows_the_role(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    uid = first_finding(officer)
    assert officer.post(f"/findings/{uid}", outcome="put_right", conclusion="Cover for a colleague.").status_code == 303
    assert "The finding is closed" in officer.get("/findings/list").text
    assert uid not in officer.get("/findings/list").text
    text = officer.get(f"/findings/{uid}").text
    assert "Cover for a colleague." in text
    assert "Close with this conclusion" not in text


def test_whoever_was_slower_is_told_and_nothing_is_overwritten(enter):
    one, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    uid = first_finding(one)
    token = other.token(f"/findings/{uid}")
    one.post(f"/findings/{uid}", outcome="put_right", conclusion="The first conclusion.")
    answer = other.post(f"/findings/{uid}", token=token, outcome="put_right", conclusion="Another conclusion.")
    assert answer.status_code == 409
    assert "Somebody else has closed this meanwhile" in answer.text
    assert "The first conclusion." in answer.text
    assert "Another conclusion." in answer.text
    assert "Another conclusion." not in one.get(f"/findings/{uid}").text


def test_a_double_click_closes_once(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    uid = first_finding(officer)
    token = officer.token(f"/findings/{uid}")
    statuses = [
        officer.post(f"/findings/{uid}", token=token, outcome="put_right", conclusion="Once.").status_code
        for _ in range(2)
    ]
    assert statuses == [303, 409]


BAD_CONCLUSIONS = {
    "empty": "",
    "too long": "x" * 301,
    "with a number": "Belde met 06-12345601.",
    "with an address": "Schreef naar iemand@voorbeeld.example.",
    "with hidden signs": "Klopt\u202e.",
    "with a nought": "Klopt\0.",
}


@pytest.mark.parametrize("conclusion", BAD_CONCLUSIONS.values(), ids=BAD_CONCLUSIONS.keys())
def test_a_conclusion_is_not_taken_when_it_is(enter, conclusion):
    officer = enter(Role.PRIVACY_OFFICER)
    uid = first_finding(officer)
    answer = officer.post(f"/findings/{uid}", outcome="put_right", conclusion=conclusion)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert uid in officer.get("/findings/list").text


def test_what_was_typed_stands_in_the_form_again_and_is_text_wherever_it_stands(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    uid = first_finding(officer)
    hostile = '</textarea><script>alert(1)</script>" onfocus=x 06-12345601'
    answer = officer.post(f"/findings/{uid}", outcome="put_right", conclusion=hostile)
    assert "<script>" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


# --- plans --------------------------------------------------------------------------------------------------------


def plan_of(browser):
    (uid,) = re.findall(r'href="/plans/([0-9a-f]{16})"', browser.get("/plans").text)
    text = browser.get(f"/plans/{uid}").text
    return uid, re.search(r"<code>([0-9a-f]{64})</code>", text)[1]


def waiting(town):
    with town.store.read() as connection:
        return orders.counts_by_state(connection).get(State.WAITING, 0)


def test_a_plan_is_released_by_a_second_person_and_by_nobody_alone(town, enter):
    one, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    uid, digest = plan_of(one)
    page, before = f"/plans/{uid}", waiting(town)
    assert before > 0
    assert one.post(f"{page}/decide", page=page, digest=digest, act="grant").status_code == 409
    assert one.post(f"{page}/ask", page=page, digest=digest).status_code == 303
    alone = one.post(f"{page}/decide", page=page, digest=digest, act="grant")
    assert (alone.status_code, "You asked for this yourself" in alone.text) == (409, True)
    assert waiting(town) == before
    assert other.post(f"{page}/decide", page=page, digest=digest, act="grant").status_code == 303
    assert waiting(town) == 0
    late = other.post(f"{page}/decide", page=page, digest=digest, act="grant")
    assert late.status_code == 409


def test_an_administrator_asks_and_never_grants(town, enter):
    administrator, other = enter(Role.IT_ADMINISTRATOR), enter(Role.IT_ADMINISTRATOR, nth=2)
    uid, digest = plan_of(administrator)
    page = f"/plans/{uid}"
    assert administrator.post(f"{page}/ask", page=page, digest=digest).status_code == 303
    assert other.post(f"{page}/decide", page=page, digest=digest, act="grant").status_code == 403
    assert waiting(town) > 0


@pytest.mark.parametrize("role", [Role.DATA_PROTECTION_OFFICER, Role.AUDITOR])
def test_who_audits_sees_plans_and_decides_nothing(enter, role):
    browser = enter(role)
    uid, digest = plan_of(browser)
    assert "ask for approval" not in browser.get(f"/plans/{uid}").text
    for act in ("ask", "decide"):
        assert browser.post(f"/plans/{uid}/{act}", page="/plans", digest=digest, act="grant").status_code == 403


def test_another_plan_than_was_looked_at_is_not_released(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    uid, _ = plan_of(officer)
    answer = officer.post(f"/plans/{uid}/ask", page=f"/plans/{uid}", digest="0" * 64)
    assert (answer.status_code, "The plan has changed" in answer.text) == (409, True)


def test_a_request_can_be_withdrawn_and_runs_out(town, enter):
    one, other = enter(Role.PRIVACY_OFFICER), enter(Role.PRIVACY_OFFICER, nth=2)
    uid, digest = plan_of(one)
    page = f"/plans/{uid}"
    one.post(f"{page}/ask", page=page, digest=digest)
    assert one.post(f"{page}/decide", page=page, digest=digest, act="refuse").status_code == 303
    assert other.post(f"{page}/decide", page=page, digest=digest, act="grant").status_code == 409
    one.post(f"{page}/ask", page=page, digest=digest)
    town.clock.pass_(days=3)
    late = enter(Role.PRIVACY_OFFICER, nth=2)
    assert late.post(f"{page}/decide", page=page, digest=digest, act="grant").status_code == 409
    assert late.post(f"{page}/ask", page=page, digest=digest).status_code == 303
    assert waiting(town) > 0


def test_the_database_itself_refuses_a_grant_by_who_asked(town, enter):
    enter(Role.PRIVACY_OFFICER)
    now = town.clock.now
    row = {
        "plan_id": 1,
        "digest": "d",
        "asked_by": 1,
        "asked_at": now,
        "ends_at": now,
        "decided_by": 1,
        "decided_at": now,
    }
    with pytest.raises(Exception, match="second_person"), town.store.write() as connection:
        connection.execute(base.approval.insert().values(**row, granted=True))
    with town.store.write() as connection:
        connection.execute(base.approval.insert().values(**row, granted=False))


# --- reports ------------------------------------------------------------------------------------------------------


def make_report(browser, **fields):
    answer = browser.post("/reports", **({"first": "2026-01-01", "last": "2026-03-17"} | fields))
    return answer.headers.get("Location"), answer


def test_a_report_is_made_kept_read_and_taken_along(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    path, _ = make_report(officer)
    text = officer.get(path).text
    digest = re.search(r"sha256:([0-9a-f]{64})", text)[1]
    page = officer.get(f"{path}/page")
    assert digest in page.text
    style = re.search(r"style-src 'sha256-[^']+'", page.headers["Content-Security-Policy"])
    assert style
    assert style[0] in page.text
    assert digest in officer.get(f"{path}/file.csv").data.decode("utf-8-sig")
    assert json.loads(officer.get(f"{path}/file.json").data)["digest"] == f"sha256:{digest}"
    assert digest in officer.get(f"{path}/file.html").text
    pdf, book = officer.get(f"{path}/file.pdf"), officer.get(f"{path}/file.xlsx")
    assert (pdf.data[:5], pdf.content_type) == (b"%PDF-", "application/pdf")
    assert (book.data[:2], book.content_type) == (
        b"PK",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    )
    name = re.search(r'filename="([^"]+)"', pdf.headers["Content-Disposition"])[1]
    assert name == "removals-2026-01-01-2026-03-17-person.pdf"
    assert officer.get(f"{path}/file.docx").status_code == 404


def test_a_report_with_case_numbers_is_not_there_for_who_may_not_read_them(town, enter):
    path, _ = make_report(enter(Role.PRIVACY_OFFICER))
    for role in (Role.IT_ADMINISTRATOR, Role.AUDITOR, Role.DATA_PROTECTION_OFFICER):
        browser = enter(role)
        assert path not in browser.get("/reports").text
        for more in ("", "/page", "/file.csv", "/file.html", "/file.json"):
            assert browser.get(path + more).status_code == 404
    opaque, _ = make_report(enter(Role.IT_ADMINISTRATOR))
    assert enter(Role.PRIVACY_OFFICER).get(opaque).status_code == 200


def test_a_report_lies_sealed(town, enter):
    make_report(enter(Role.PRIVACY_OFFICER))
    file = (town.folder / "closeout.db").read_bytes() + (town.folder / "closeout.db-wal").read_bytes()
    assert b"What was removed, what was not, and why" not in file


@pytest.mark.parametrize(
    "fields",
    [
        {"first": "2026-03-18", "last": "2026-03-17"},
        {"first": "1900-01-01"},
        {"first": "yesterday"},
        {"last": ""},
        {"last": "2026-02-30"},
    ],
)
def test_a_period_that_is_none_is_told_beside_its_field(enter, fields):
    _, answer = make_report(enter(Role.PRIVACY_OFFICER), **fields)
    assert answer.status_code == 400
    assert 'class="fault"' in answer.text


def test_a_report_that_is_being_made_is_not_begun_twice(town):
    day = town.clock.now.date()
    with town.store.write() as connection:
        asked = {"key": "removals", "view": "opaque", "first": day, "last": day}
        library_rows.ask(connection, uid="0" * 16, **asked, now=town.clock.now, role=Role.AUDITOR)
    assert library.ask_for(town.context, Role.AUDITOR, "removals", day, day, wait=20) == "0" * 16
    town.clock.pass_(minutes=6)
    assert library.ask_for(town.context, Role.AUDITOR, "removals", day, day, wait=20) != "0" * 16


def test_a_report_that_broke_off_says_so_and_keeps_nothing(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    with town.store.write() as connection:
        connection.execute(
            base.kept_report.insert().values(
                uid="0" * 16,
                key="removals",
                view="person",
                first=town.clock.now.date(),
                last=town.clock.now.date(),
                asked_at=town.clock.now,
                asked_as=Role.PRIVACY_OFFICER.value,
                step_at=town.clock.now,
                done=3,
                steps=10,
            )
        )
    under_way = officer.get(f"/reports/{'0' * 16}").text
    assert '<progress id="bar" max="10" value="3">' in under_way
    town.clock.pass_(minutes=6)
    assert "was interrupted" in officer.get(f"/reports/{'0' * 16}").text
    assert officer.get(f"/reports/{'0' * 16}/page").status_code == 404


def test_a_report_that_cannot_be_made_is_marked_as_broken_off(town):
    broken = replace(town.context, policy=None)
    day = town.clock.now.date()
    uid = library.ask_for(broken, Role.PRIVACY_OFFICER, "removals", day, day, wait=20)
    row = library.find_report(town.context, Role.PRIVACY_OFFICER, uid)
    assert library.progress_of(row, town.context) is library.Progress.BROKEN_OFF


# --- the administrator --------------------------------------------------------------------------------------------

IT_PAGES = (
    "/jobs",
    "/connections",
    "/connections/at/books",
    "/connections/at/books-2",
    "/places",
    "/devices",
    "/plans",
    "/health",
    "/log",
    "/start",
    "/reports",
)
OPAQUE_PAGES = (
    "/overview",
    "/removals",
    "/removals?stand=open",
    "/findings",
    "/findings/list",
    "/findings/list?kind=without_assignment",
    "/findings/list?stand=closed",
    "/reviews",
    "/deviations",
    "/plans",
)


def names_of_people(town):
    """Case numbers and references of workers."""
    with town.store.read() as connection:
        return [
            *connection.execute(select(base.cases.c.number)).scalars(),
            *connection.execute(select(base.worker.c.ref)).scalars(),
        ]


def people_in(text, town):
    """Which of them a text holds; digits inside of an opaque id or a digest are none."""
    return [
        name for name in names_of_people(town) if re.search(rf"(?<![0-9A-Za-z]){re.escape(name)}(?![0-9A-Za-z])", text)
    ]


def test_whoever_is_cleared_for_cases_sees_case_numbers_and_workers(town, enter):
    assert len(people_in(enter(Role.PRIVACY_OFFICER).get("/removals").text, town)) > 2


def test_an_administrator_sees_no_case_number_and_no_worker(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    uid, _ = plan_of(browser)
    path, _ = make_report(browser)
    for page in (*IT_PAGES, f"/plans/{uid}", path, f"{path}/page", f"{path}/file.csv", f"{path}/file.json"):
        text = browser.get(page).text
        assert people_in(text, town) == [], page


@pytest.mark.parametrize("role", [Role.DATA_PROTECTION_OFFICER, Role.AUDITOR])
def test_who_audits_sees_no_case_number_and_no_worker(town, enter, role):
    browser = enter(role)
    officer = enter(Role.PRIVACY_OFFICER)
    (order, *_) = all_orders(town, settled=True)
    more = (
        f"/removals/{order}",
        f"/findings/{first_finding(officer)}",
        f"/reviews/{waiting_ones(officer)[0]}",
        "/removals?removals.file=csv",
        "/removals?removals.file=json",
    )
    for page in (*OPAQUE_PAGES, *more):
        text = browser.get(page).text
        assert people_in(text, town) == [], page


def test_what_is_stuck_says_why_and_what_to_do(enter):
    text = enter(Role.IT_ADMINISTRATOR).get("/jobs").text
    assert "The server knows the account, but does not allow this" in text
    assert "Give the service account the right to read and remove contacts" in text
    assert "Left a card alone: private details would have been affected" in text


def test_a_connection_is_tried_without_reading_it(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)
    town.vendors["books"].calls.clear()
    answer = browser.post("/connections/at/books/try", page="/connections/at/books")
    assert answer.status_code == 200
    assert {verb for verb, _ in town.vendors["books"].calls} == {"check"}
    assert len(town.vendors["books"].calls) == 3


def test_what_could_not_be_read_in_a_book_is_counted_beside_it(town, enter):
    with town.store.write() as connection:
        book = connection.execute(select(base.entry.c.place_id, base.entry.c.id).limit(1)).one()
        for mark in (b"1" * 32, b"2" * 32):
            connection.execute(base.unread_field.insert().values(entry_id=book.id, mark=mark, since_at=town.clock.now))
        connection.execute(
            base.confirmed_field.insert().values(place_id=book.place_id, mark=b"2" * 32, confirmed_at=town.clock.now)
        )
        uid = connection.execute(select(base.place.c.uid).where(base.place.c.id == book.place_id)).scalar_one()
    text = enter(Role.IT_ADMINISTRATOR).get("/places").text
    rows = {cells[0]: cells[5] for cells in map(cells_of, text.split("<tbody")[1].split("<tr")[1:])}
    assert (rows.pop(uid), set(rows.values())) == ("1", {"0"})


def cells_of(row: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]


def test_a_list_of_places_goes_in_whole_or_not_at_all(town, enter):
    browser = enter(Role.IT_ADMINISTRATOR)

    def send(text: str | bytes):
        raw = text.encode() if isinstance(text, str) else text
        return browser.post("/places", file=(io.BytesIO(raw), "places.csv"))

    header = "worker;employer;team;connection;address;devices;logins\n"
    good = header + "worker-09;Employer 1;team 1;books;worker-09;device-90;device-90\n"
    assert "Address books imported: 1, of which new: 1." in send(good).text
    bad = send(good + "worker-10;Employer 1;team 1;nowhere;worker-10;;\n")
    assert (bad.status_code, "Line 3 of the file." in bad.text) == (400, True)
    assert send(b"\xff\xfe\x00").status_code == 400
    assert send("").status_code == 400
    assert send("name;number\nx;y\n").status_code == 400


def test_the_log_is_checked_whole_on_request(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    assert "The log is intact." in officer.post("/log").text


def test_a_log_that_was_changed_is_told(town, enter):
    officer = enter(Role.PRIVACY_OFFICER)
    with town.store.write() as connection:
        connection.execute(base.log_entry.update().where(base.log_entry.c.seq == 3).values(canonical=b"{}"))
    assert "The log was changed" in officer.post("/log").text


def test_health_says_what_needs_attention(town, enter):
    text = enter(Role.IT_ADMINISTRATOR).get("/health").text
    assert "A large removal awaits approval." in text
    town.clock.pass_(days=40)
    later = enter(Role.IT_ADMINISTRATOR).get("/health").text
    assert "It is too old to decide on." in later
    assert "No address book was read for days." in later


# --- one's own phone ----------------------------------------------------------------------------------------------


def own_cases(town, worker):
    """Case numbers that a worker is or was on."""
    with town.store.read() as connection:
        query = select(base.cases.c.number).join(base.assignment, base.assignment.c.case_id == base.cases.c.id)
        return set(connection.execute(query.where(base.assignment.c.worker_ref == worker)).scalars())


@pytest.mark.parametrize("worker", ["worker-01", "worker-03", "worker-05"])
def test_a_worker_sees_the_cases_they_are_or_were_on_and_no_other(town, enter, worker):
    browser = enter(Role.WORKER, worker=worker)
    for page in ("/my-phone", "/my-phone/extract"):
        shown = set(re.findall(r"\b1[0-9]{5}\b", browser.get(page).text))
        assert shown
        assert shown <= own_cases(town, worker)


def keepable(browser):
    return re.findall(r'href="/my-phone/keep/([a-z0-9]{16})"', browser.get("/my-phone").text)


def test_a_worker_keeps_a_contact_with_a_reason_until_a_day(town, enter):
    browser = enter(Role.WORKER)
    item, *_ = keepable(browser)
    answer = browser.post(f"/my-phone/keep/{item}", reason="The handover takes longer.", until="2026-03-31")
    assert answer.status_code == 303
    (row,) = deviations_and_holds.list_deviations(town.context)
    assert (row.worker, row.tier, row.reason, row.decided_by) == (
        "worker-01",
        Tier.SELF,
        "The handover takes longer.",
        "worker",
    )
    assert "The handover takes longer." in enter(Role.PRIVACY_OFFICER).get("/deviations").text


def test_what_is_kept_stands_at_once_among_what_stays_and_a_double_click_keeps_once(town, enter):
    browser = enter(Role.WORKER)
    item, *_ = keepable(browser)
    fields = {"reason": "The handover takes longer.", "until": "2026-03-31"}
    token = browser.token(f"/my-phone/keep/{item}")
    statuses = [browser.post(f"/my-phone/keep/{item}", token=token, **fields).status_code for _ in range(2)]
    assert statuses == [303, 303]
    assert len(deviations_and_holds.list_deviations(town.context)) == 1
    stays = browser.get("/my-phone").text.split('id="h-stays"')[1].split("</section>")[0]
    assert "You chose to keep this longer, by yourself or after consultation. Up to and including 31 Mar 2026." in stays
    assert item not in keepable(browser)


def test_what_is_anothers_cannot_be_kept(town, enter):
    item, *_ = keepable(enter(Role.WORKER, worker="worker-01"))
    other = enter(Role.WORKER, worker="worker-02")
    assert other.get(f"/my-phone/keep/{item}").status_code == 404
    answer = other.post(f"/my-phone/keep/{item}", page="/my-phone", reason="Mine.", until="2026-03-31")
    assert answer.status_code == 404
    assert deviations_and_holds.list_deviations(town.context) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": ""},
        {"reason": "Bel 06-12345601"},
        {"until": "2026-03-01"},
        {"until": "2027-03-01"},
        {"until": "soon"},
    ],
)
def test_keeping_without_a_sound_reason_or_day_is_told(town, enter, fields):
    browser = enter(Role.WORKER)
    item, *_ = keepable(browser)
    sound = {"reason": "The handover takes longer.", "until": "2026-03-31"}
    assert browser.post(f"/my-phone/keep/{item}", **(sound | fields)).status_code == 400
    assert deviations_and_holds.list_deviations(town.context) == []


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        (POLICY.deviation_tiers, "By yourself up to and including {}. Need longer? Ask your work supervisor."),
        (POLICY.deviation_tiers[:1], "Up to and including {}: the policy lets nobody keep it longer."),
    ],
)
def test_a_day_too_late_is_answered_with_the_latest_one_and_with_who_may_keep_it_longer(town, enter, tiers, said):
    town.policy = replace(POLICY, deviation_tiers=tiers)
    browser = enter(Role.WORKER)
    item, *_ = keepable(browser)
    answer = browser.post(f"/my-phone/keep/{item}", reason="The handover takes longer.", until="2026-12-31")
    assert answer.status_code == 400
    last = town.context.today() + timedelta(days=tiers[0].longest_days)
    assert said.format(Words("en").day(last)) in answer.text


def test_keeping_one_case_longer_dates_no_colleague(town, enter):
    browser = enter(Role.WORKER)
    item, *_ = keepable(browser)
    before = browser.get("/my-phone").text.count("Up to and including")
    browser.post(f"/my-phone/keep/{item}", reason="The handover takes longer.", until="2026-03-31")
    stays = browser.get("/my-phone").text
    assert stays.count("Up to and including") == before + 1
    with town.store.write() as connection:
        connection.execute(update(base.pair).values(reason=Reason.CLASS_STAYS.value, decision=Decision.KEEP.value))
    assert "Up to and including" not in browser.get("/my-phone").text


def test_where_the_policy_leaves_nothing_to_workers_nothing_can_be_kept(town, enter):
    browser = enter(Role.WORKER)
    item, *_ = keepable(browser)
    town.policy = replace(POLICY, deviation_tiers=())
    assert keepable(browser) == []
    assert browser.get(f"/my-phone/keep/{item}").status_code == 404


def test_where_the_policy_gives_notice_all_that_goes_is_one_list_without_a_day(town, enter):
    browser = enter(Role.WORKER)
    before = json.loads(browser.get("/my-phone/extract").data)["sections"][0]["rows"]
    decided = {row["item"]: row["decision"]["code"] for row in before if row["decision"]}
    going = {item for item, decision in decided.items() if decision in GOES}
    assert {decided[item] for item in going} > {"defer"}
    town.policy = replace(POLICY, notice_days=3)
    page = browser.get("/my-phone").text
    assert re.findall(r'id="h-(stays|goes|later|asked)"', page) == ["stays", "goes", "asked"]
    part = page.split('id="h-goes"')[1].split("</section>")[0]
    assert int(re.search(r'class="n">(\d+)<', part)[1]) == len(going)
    assert set(re.findall(r'class="why">([^<]*)<', part)) == {"By the policy it may go."}
    assert not re.search(r"\b20\d\d\b|round|tomorrow|will go", part)
    after = json.loads(browser.get("/my-phone/extract").data)["sections"][0]["rows"]
    assert {(row["decision"]["code"], row["reason"]["code"]) for row in after if row["item"] in going} == {
        ("defer", "deferred")
    }


READERS = [Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR, Role.WORKER, Role.AUDITOR, Role.LINE_MANAGER]


@pytest.mark.parametrize("role", READERS)
def test_every_page_says_that_nothing_is_removed_where_the_policy_only_reports(town, enter, role):
    browser = enter(role)
    home = browser.get("/").headers["Location"]
    assert "Report-only" not in browser.get(home).text
    town.policy = replace(POLICY, report_only=True)
    pages = re.findall(r'<li><a href="(/[^"]*)"', browser.get(home).text.split("</nav>")[0])
    assert home in pages
    said = {page: browser.get(page).text.count("Report-only: the policy in force decides") for page in pages}
    assert said == dict.fromkeys(pages, 1)


def test_a_worker_takes_along_what_is_kept_about_their_phone(enter):
    browser = enter(Role.WORKER)
    answer = browser.get("/my-phone/extract")
    document = json.loads(answer.data)
    assert document["worker"] == "worker-01"
    assert document["phones"] == ["device-01", "device-06"]
    assert [section["key"] for section in document["sections"]] == ["items", "removed", "deviations", "stated"]
    assert len(document["sections"][1]["rows"]) > 0


def test_a_long_list_of_what_went_is_cut_on_the_page_with_its_whole_count_and_whole_in_the_file(enter, monkeypatch):
    browser = enter(Role.WORKER)
    whole = json.loads(browser.get("/my-phone/extract").data)["sections"][1]["rows"]
    monkeypatch.setattr(my_phone, "_MOST_SHOWN", 5)
    part = browser.get("/my-phone").text.split('id="h-removed"')[1].split("</section>")[0]
    assert re.search(r'class="n">(\d+)<', part)[1] == str(len(whole))
    assert f"The first 5 of {len(whole)} are shown." in part
    assert part.count("<tr") == 1 + 5


def test_a_role_without_a_worker_has_no_phone_here(town, app, enter):
    row = access.demo_account(town.context, Role.WORKER, worker="worker-04")
    with town.store.write() as connection:
        connection.execute(base.account.update().where(base.account.c.id == row.id).values(worker_id=None))
    assert enter(Role.WORKER, worker="worker-05").get("/my-phone").status_code == 200

    assert Browser(app).sign_in_as(town, row).get("/my-phone").status_code == 404


# --- the beginning ------------------------------------------------------------------------------------------------


def test_an_empty_installation_leads_its_administrator_to_the_demo_or_the_gate(empty_town):

    access.add_account(empty_town.context, "admin-1", PASSWORD, [Role.IT_ADMINISTRATOR], hasher=QUICK)
    row = access.list_accounts(empty_town.context)[0]
    browser = Browser(empty_town.make_app()).sign_in_as(empty_town, row)
    assert browser.get("/").headers["Location"] == "/start"
    text = browser.get("/start").text
    assert "make pages" in text
    assert re.findall(r"<h3>([^<]+) <span", text)[0] == "Record DPIA and consent"
    gate = {
        "employer": "Employer 1",
        "scope": "removal",
        "dpia": "Cabinet 3",
        "consent": "Letter 12",
        "dpia_version": "2",
        "dpia_on": "2026-01-05",
        "advice": "Folder 7",
        "consent_on": "2026-01-12",
        "purpose": "Removing contacts after closure.",
        "review": "2026-09-01",
        "until": "2026-12-31",
    }
    late = browser.post("/gates", **(gate | {"review": "2027-01-01"}))
    assert (late.status_code, "review it before it ends" in late.text) == (400, True)
    early = browser.post("/gates", **(gate | {"consent_on": "2026-12-30"}))
    assert (early.status_code, "has not come yet" in early.text) == (400, True)
    assert [browser.post("/gates", **gate).status_code for _ in range(2)] == [303, 303]
    text = browser.get("/gates").text
    assert "Cabinet 3, version 2 of 5 Jan 2026" in text
    assert "Letter 12, decision of 12 Jan 2026" in text
    assert (text.count("Cabinet 3"), "DPIA and consent are recorded." in text) == (1, True)
    done = browser.get("/start").text
    assert 'Record DPIA and consent <span class="n">(done)' in done
    assert 'Connect a contact server <span class="n">(to do now)' in done


def test_every_page_of_an_empty_installation_says_what_is_missing(empty_town):

    people = [Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER, Role.AUDITOR, Role.LINE_MANAGER]
    app = empty_town.make_app()
    for role in people:
        access.add_account(empty_town.context, f"{role.value.replace('_', '-')}-1", PASSWORD, [role], hasher=QUICK)
    for row in access.list_accounts(empty_town.context):
        browser = Browser(app).sign_in_as(empty_town, row)
        for route in ROUTES:
            if route.menu and row.roles[0] in route.access:
                assert browser.get(route.path).status_code == 200, (route.path, row.roles)


def test_times_are_those_of_amsterdam(town, enter):
    assert "As of 17 Mar 2026 11:30" in enter(Role.PRIVACY_OFFICER).get("/overview").text
    assert town.clock.now.hour == 10


# --- what waits for a person --------------------------------------------------------------------------------------


def waiting_ones(browser):
    return re.findall(r'href="/reviews/([0-9a-f]{16})"', browser.get("/reviews").text)


def test_what_waits_for_a_person_is_listed_with_whose_turn_it_is_and_can_be_decided(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    page = officer.get("/reviews").text
    assert "Whose turn it is" in page
    uids = waiting_ones(officer)
    pages = {uid: officer.get(f"/reviews/{uid}").text for uid in uids}
    uid = next(uid for uid, text in pages.items() if 'value="recorded"' in text)
    assert officer.post(f"/reviews/{uid}", say="recorded", reason="The worker has shown it.").status_code == 303
    assert "The contact is decided again at the next round" in officer.get("/reviews").text


def test_a_decision_that_is_not_whole_is_told_and_changes_nothing(enter):
    officer = enter(Role.PRIVACY_OFFICER)
    uid = next(uid for uid in waiting_ones(officer) if 'value="keep"' in officer.get(f"/reviews/{uid}").text)
    for sent in (
        {"say": "keep", "reason": "It is needed."},
        {"say": "keep", "reason": "It is needed.", "until": "2026-04-01"},
        {"say": "keep", "reason": "", "until": "2026-04-01", "consulted": "team lead"},
        {"say": "nonsense", "reason": "So."},
        {"say": "keep", "reason": "Call 06-12345678.", "until": "2026-04-01", "consulted": "team lead"},
        {"say": "keep", "reason": "So.", "until": "2036-04-01", "consulted": "team lead"},
    ):
        answer = officer.post(f"/reviews/{uid}", **sent)
        assert (answer.status_code, 'class="faults"' in answer.text) == (400, True), sent
    sent = {"say": "keep", "reason": "It is needed.", "until": "2026-04-01", "consulted": "team lead"}
    assert officer.post(f"/reviews/{uid}", **sent).status_code == 303


def test_who_audits_sees_what_waits_and_decides_nothing(enter):
    auditor, officer = enter(Role.AUDITOR), enter(Role.PRIVACY_OFFICER)
    uid = waiting_ones(officer)[0]
    assert uid in waiting_ones(auditor)
    assert '<form method="post" novalidate action="/reviews' not in auditor.get(f"/reviews/{uid}").text
