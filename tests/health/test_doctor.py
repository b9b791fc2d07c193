"""The doctor's lines: clear when all is well, and a bad line for each thing that is not."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.campaigns.test_late_answers import claim
from tests.conftest import Database
from tests.factories import confirm, connect_practice, make_person, numbers
from tests.practice.fixture import PracticeGateway
from webapp import heartbeats, jobs, tenancy
from webapp.campaigns.invariants import RULES, Rule
from webapp.health import checks, doctor, rules_check
from webapp.sealing import KeyRing, key_ids
from webapp.settings import Settings

Lines = pytest.CaptureFixture[str]


@pytest.fixture
def heard(app: Flask) -> Flask:
    """A program whose worker does all it should."""
    with app.app_context():
        for name in (*checks.LOOPS, *jobs.periodic_names(), checks.WORKER_STARTED):
            heartbeats.beat(name)
    return app


def bad_lines(capsys: Lines) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("BAD")]


def test_all_is_well(heard: Flask, settings: Settings, capsys: Lines) -> None:
    make_person(heard)
    assert doctor.examine(settings) == 0
    said = capsys.readouterr().out
    assert "BAD" not in said
    assert said.splitlines()[-1] == "All is well."
    assert "as the role tidings_program" in said


def test_reports_that_were_refused(heard: Flask, settings: Settings, capsys: Lines) -> None:
    folder = settings.instance / "spool"
    folder.mkdir(exist_ok=True)
    for name in ("refused-reports-1.jsonl", "refused-reports-2.jsonl", "reports-3.jsonl"):
        (folder / name).touch()
    assert doctor.examine(settings) == 1
    assert [line.partition(" were refused")[0] for line in bad_lines(capsys)] == [
        f"BAD  delivery reports in {folder / 'refused-reports-1.jsonl'}",
        f"BAD  delivery reports in {folder / 'refused-reports-2.jsonl'}",
    ]


def test_a_worker_that_does_not_run(settings: Settings, capsys: Lines) -> None:
    assert doctor.examine(settings) == 1
    assert bad_lines(capsys) == [
        f"BAD  worker: {name} was never heard; is it running?" for name in checks.LOOPS
    ]


def test_a_database_that_is_away(settings: Settings, capsys: Lines) -> None:
    away = dataclasses.replace(settings, database_url="postgresql+psycopg://u:quince@127.0.0.1:1/tidings")
    assert doctor.examine(away) == 1
    said = capsys.readouterr().out
    assert "BAD  the database cannot be reached: " in said
    assert "quince" not in said
    assert "Traceback" not in said
    assert f"MiB free at {settings.instance}" in said, "what needs no database is still looked at"


def test_tables_of_another_revision(heard: Flask, settings: Settings, empty: Database, capsys: Lines) -> None:
    with empty.owner() as owner:
        (found,) = owner.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
        owner.execute("UPDATE alembic_version SET version_num = '0001'")
        try:
            assert doctor.examine(settings) == 1
        finally:
            owner.execute("UPDATE alembic_version SET version_num = %s", [found])
    assert bad_lines(capsys) == [
        f"BAD  the tables are at revision 0001, this program wants {found}: run `python -m webapp migrate`"
    ]


def test_a_hole_in_the_walls(heard: Flask, settings: Settings, empty: Database, capsys: Lines) -> None:
    with empty.owner() as owner:
        owner.execute("GRANT TRUNCATE ON campaign TO tidings_program")
        try:
            assert doctor.examine(settings) == 1
        finally:
            owner.execute("REVOKE TRUNCATE ON campaign FROM tidings_program")
    (line,) = bad_lines(capsys)
    assert "walls between teams: the role tidings_program has a right on campaign" in line


def test_sums_that_differ(
    heard: Flask, settings: Settings, practice: PracticeGateway, empty: Database, capsys: Lines
) -> None:
    alice = make_person(heard)
    campaign = confirm(heard, alice, connect_practice(heard, alice, practice), numbers(3))
    with empty.owner() as owner:
        owner.execute(
            "UPDATE campaign SET delivered = delivered + 1, waiting = waiting - 1 WHERE id = %s", [campaign]
        )
    assert doctor.examine(settings) == 1
    assert bad_lines(capsys) == [
        f"BAD  I7, tallies, minutes and roll-ups agree with a recount: not so in team {alice.team_id}: {one}"
        for one in (
            f"campaign {campaign}: waiting is 2, counted 3",
            f"campaign {campaign}: delivered is 1, counted 0",
            f"campaign {campaign}: waiting against its minutes is 2, counted 3",
        )
    ]


def test_each_rule_has_a_line(heard: Flask, settings: Settings, capsys: Lines) -> None:
    make_person(heard), make_person(heard, "bob")
    assert doctor.examine(settings) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines if line.endswith("so in 2 team(s)")] == [
        f"ok   {rule.name}" for rule in RULES
    ]
    assert any(line.startswith("ok   rules: 2 of 2 team(s) looked at in ") for line in lines)


def test_a_rule_that_is_broken_in_one_of_two_teams(
    heard: Flask, settings: Settings, practice: PracticeGateway, empty: Database, capsys: Lines
) -> None:
    alice, bob = make_person(heard), make_person(heard, "bob")
    for person in (alice, bob):
        confirm(heard, person, connect_practice(heard, person, practice), numbers(3))
        claim(heard, person)
    with empty.owner() as owner:
        owner.execute(
            "UPDATE batch SET state = 'stopped', lease_until = NULL, first_unknown_at = now() "
            "WHERE team_id = %s",
            [bob.team_id],
        )
    assert doctor.examine(settings) == 1
    bad = [line for line in bad_lines(capsys) if line.startswith("BAD  I6, ")]
    assert len(bad) == 1
    assert f"not so in team {bob.team_id}: a batch with an unknown attempt was taken for" in bad[0]


def test_what_there_is_no_time_for_is_said(
    heard: Flask, settings: Settings, capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person(heard)
    monkeypatch.setattr(rules_check, "MOST_SECONDS", 0.0)
    assert doctor.examine(settings) == 0
    said = capsys.readouterr().out
    assert "rules: 0 of 1 team(s) looked at" in said
    assert "of the others nothing is known" in said
    assert "so in 1 team(s)" not in said


def test_a_look_that_takes_too_long_is_ended(
    heard: Flask, settings: Settings, capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person(heard)

    def sleep() -> list[str]:
        tenancy.session().execute(select(func.pg_sleep(600)))
        return []

    slow = Rule("I1", "it ends", sleep)
    monkeypatch.setattr(rules_check, "RULES", (slow,))
    monkeypatch.setattr(rules_check, "MOST_SECONDS", 1.0)
    assert doctor.examine(settings) == 0
    assert "rules: 0 of 1 team(s) looked at" in capsys.readouterr().out


def test_keys_that_others_can_read(heard: Flask, settings: Settings, capsys: Lines) -> None:
    settings.keys_file.write_text("no key")
    settings.keys_file.chmod(0o644)
    assert doctor.examine(settings) == 1
    (line,) = bad_lines(capsys)
    assert "can be read by others" in line


def test_a_key_that_is_not_here_any_more(
    heard: Flask, settings: Settings, practice: PracticeGateway, capsys: Lines
) -> None:
    connect_practice(heard, make_person(heard), practice)
    (name,) = key_ids(KeyRing.load(settings.keys_file))
    settings.keys_file.unlink()
    KeyRing.load_or_create(settings.keys_file)
    assert doctor.examine(settings) == 1
    assert [line.partition(",")[0] for line in bad_lines(capsys)] == [
        f"BAD  3 sealed credentials need the key {name}"
    ]
