"""Files as people bring them: wrong ones, damaged ones, in all encodings; and what the pages say of them."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.contacts.imports.bringing import Importer, sums, table
from tests.factories import Person, add_member, make_person, sign_in
from webapp.accounts.permissions import Role
from webapp.contacts.imports import files

ROWS = ("手机,姓名,城市", "13800138000,王芳,北京", "13900139000,陈建国,上海")
PEOPLE = {"13800138000": ("王芳", {"城市": "北京"}), "13900139000": ("陈建国", {"城市": "上海"})}


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8", "|"), ("utf-8-sig", ","), ("utf-16", "\t"), ("gb18030", ";")]
)
def test_the_same_people_from_any_file(imports: Importer, encoding: str, separator: str) -> None:
    content = table(*(row.replace(",", separator) for row in ROWS), encoding=encoding)
    assert sums(imports.whole(content)) == {"rows": 2, "ready": 2, "added": 2}
    assert imports.people() == PEOPLE


def test_the_encoding_is_said_and_can_be_changed(imports: Importer) -> None:
    import_id = imports.bring(table(*ROWS, encoding="gb18030"))
    page = imports.page(import_id)
    assert '<option selected value="gb18030">' in page
    assert "王芳" in page
    imports.post(f"imports/{import_id}/reading", encoding="utf-8", separator=",", header="y")
    page = imports.page(import_id)
    assert "王芳" not in page
    assert "\ufffd" in page
    imports.post(f"imports/{import_id}/reading", encoding="gb18030", separator=",", header="y")
    assert "王芳" in imports.page(import_id)


def test_headings_can_be_denied(imports: Importer) -> None:
    import_id = imports.bring(table("a,b", "13800138000,王芳"))
    imports.post(f"imports/{import_id}/reading", encoding="utf-8", separator=",")
    one = imports.check(import_id)
    assert (sums(one), one.problems) == ({"rows": 2, "ready": 1}, {"not_mobile": 1})


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \r\n"])
def test_an_empty_file(imports: Importer, content: bytes) -> None:
    assert "This file is empty. Nothing was imported." in imports.refused(content)


def test_headings_alone_are_no_rows(imports: Importer) -> None:
    import_id = imports.bring(table("手机,姓名"))
    one = imports.check(import_id, **{"to-0": "mobile"})
    assert (one.state, one.why) == ("failed", "empty")
    assert "There is no row in this file" in imports.page(import_id)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(4000), "neither CSV nor XLSX"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000), "of the old format (.xls)"),
    ],
)
def test_what_is_no_table(imports: Importer, content: bytes, sentence: str) -> None:
    assert sentence in imports.refused(content)


def test_nothing_chosen(imports: Importer) -> None:
    answer = imports.post("import")
    assert answer.status_code == 422
    assert "Choose a file, or paste some rows." in answer.text


def test_fifty_columns_and_no_more(imports: Importer) -> None:
    heads = ["手机", *(f"c{n}" for n in range(49))]
    row = ["13800138000", *(["x"] * 49)]
    one = imports.whole(table(",".join(heads), ",".join(row)))
    assert sums(one) == {"rows": 1, "ready": 1, "added": 1}
    assert len(imports.people()["13800138000"][1]) == 49
    import_id = imports.bring(table(",".join([*heads, "more"]), ",".join([*row, "x"])))
    assert imports.get(import_id).why == "too_many_columns"
    assert "more than 50 columns" in imports.page(import_id)


def test_without_a_phone_column_it_stops_with_what_was_found(imports: Importer) -> None:
    import_id = imports.bring(table("姓名,会员号,城市", "王芳,1001,北京"))
    sentence = "We need a phone column. Found: 姓名, 会员号, 城市."
    assert sentence in imports.page(import_id)
    answer = imports.post(f"imports/{import_id}/columns", if_exists="update", group="0")
    assert (answer.status_code, sentence in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"to-1": "mobile"}, "Two columns cannot both be the phone."),
        ({"to-1": "name", "to-2": "name"}, "Two columns cannot both be the name."),
        ({"to-1": "field", "field-1": "城市"}, "Two columns cannot both go to “城市”."),
        ({"to-2": "field", "field-2": "{x}"}, "cannot hold braces"),
        ({"to-2": "field", "field-2": "手机"}, "has a number and a name already"),
        ({"to-2": "field", "field-2": "x" * 41}, "at most 40 characters"),
        ({"new_group": "g" * 61}, "at most 60 characters"),
        ({"group": "12345"}, "not there any more"),
    ],
)
def test_columns_that_cannot_be(imports: Importer, fields: dict[str, str], sentence: str) -> None:
    import_id = imports.bring(table(*ROWS))
    answer = imports.post(f"imports/{import_id}/columns", **{"if_exists": "update", "group": "0", **fields})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert imports.get(import_id).state == "uploaded"


def test_damage_by_a_spreadsheet_is_said_before_anything_is_done(imports: Importer) -> None:
    page = imports.page(imports.bring(table("手机,姓名", "1.38E+10,王芳", "13900139000,陈建国")))
    assert "Column “手机” contains 1.38E+10. Excel has shortened the numbers" in page
    assert "Excel has shortened" not in imports.page(imports.bring(table(*ROWS)))


def test_a_paste_out_of_a_spreadsheet(imports: Importer) -> None:
    answer = imports.post("import", paste="手机\t姓名\r\n13800138000\t王芳\r\n13900139000\t陈建国\r\n")
    import_id = int(answer.location.rpartition("/")[2])
    imports.check(import_id)
    imports.start(import_id)
    assert imports.people() == {"13800138000": ("王芳", {}), "13900139000": ("陈建国", {})}
    assert "Pasted rows" in imports.page(import_id)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("../../etc/passwd.csv", "passwd.csv"),
        ("<img src=x onerror=1>.csv", "&lt;img src=x onerror=1&gt;.csv"),
        ("x" * 300 + ".csv", "x" * 200),
        ("a\u202egnp.csv", "agnp.csv"),
    ],
)
def test_names_of_files_do_no_harm(imports: Importer, said: str, shown: str) -> None:
    page = imports.page(imports.bring(table(*ROWS), said))
    assert f"<h1>{shown}" in re.sub(r"<h1[^>]*>\s*", "<h1>", page)


HOSTILE = '<img src=x onerror=1>" hx-get="/'


def test_hostile_headings_and_cells_are_shown_as_text(imports: Importer) -> None:
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    import_id = imports.bring(table(f"手机,{quoted},x", f"13800138000,{quoted},1", f"{quoted},a,b"))
    pages = [imports.page(import_id)]
    imports.check(import_id, **{"to-1": "skip"})
    pages.append(imports.page(import_id, "?kind=not_mobile"))
    for page in pages:
        assert "<img" not in page
        assert "&lt;img src=x onerror=1&gt;" in page


@pytest.mark.parametrize("kind", ["nothing", "'", "twice", ""])
def test_a_kind_that_is_not_there_shows_no_rows(imports: Importer, kind: str) -> None:
    import_id = imports.bring(table(*ROWS, "x,y,z"))
    imports.check(import_id)
    assert "Rows that are left out" not in imports.page(import_id, f"?kind={kind}")


def test_the_rows_that_are_left_out_come_back_as_they_were_with_the_reason(imports: Importer) -> None:
    import_id = imports.bring(
        table(
            "手机,姓名", "13800138000,王芳", "", "=1+1,a", '"x\ny","b,""c"""', ",d", "13800138000,e", "1,2,3"
        )
    )
    imports.check(import_id)
    answer = imports.browser.get(imports.place(f"imports/{import_id}/left-out"), buffered=True)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows == [
        ["手机", "姓名", "problem"],
        ["'=1+1", "a", "This is no phone number."],
        ["x\ny", 'b,"c"', "This is no phone number."],
        ["", "d", "There is no phone number in this row."],
        ["13800138000", "e", "This number stands further up in the file already. The first row counts."],
        ["1", "2", "This row has more cells than the file has columns.", "3"],
    ]
    page = imports.page(import_id, "?kind=not_mobile")
    numbers = re.findall(r'<th scope="row" class="num">(\d+)</th>', page)
    # Row 3 is blank; a cell of two lines is one row, as a spreadsheet shows it.
    assert numbers == ["4", "5"]


def test_mended_rows_are_brought_again_with_the_same_columns_and_group(imports: Importer) -> None:
    first = imports.bring(table("号,称,城市", "13800138000,王芳,北京", "x,陈建国,上海"))
    imports.check(first, **{"to-1": "name", "new_group": "VIP"})
    imports.start(first)
    left_out = imports.browser.get(imports.place(f"imports/{first}/left-out"), buffered=True).data
    mended = left_out.replace(b"\r\nx,", b"\r\n13900139000,")
    assert "A corrected file" in imports.browser.get(imports.place(f"import?like={first}")).text
    second = imports.bring(mended, like=str(first))
    one = imports.get(second)
    assert [column["to"] for column in one.columns] == ["mobile", "name", "field", "skip"]
    imports.check(second, group=str(one.group_id))
    imports.start(second)
    assert imports.people() == PEOPLE
    with imports.team() as session:
        from webapp.contacts import groups

        assert [(made.name, made.size) for made in groups.groups()] == [("VIP", 2)]
        session.rollback()


def test_a_file_that_is_too_large_is_not_kept(imports: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports.app.view_functions["contacts.import_bring"], "most_files", 3 * 2**20)
    for megabytes, status in ((3, 303), (5, 413)):
        rows = b"13800138000,x\n" * (megabytes * 2**20 // 14)
        content = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + rows + b"--x--"
        )
        answer = imports.browser.post(
            imports.place("import"), data=content, content_type="multipart/form-data; boundary=x"
        )
        assert answer.status_code == status
    assert "The file is larger than 3 MB. Nothing of it was kept." in answer.text
    assert files.MOST_BYTES == 100 * 2**20


def test_other_forms_are_no_way_for_a_file(imports: Importer) -> None:
    place = f"/t/{imports.person.team}/settings/general"
    answer = imports.browser.post(
        place, data=b"x" * 5_000_000, content_type="multipart/form-data; boundary=x"
    )
    assert answer.status_code == 413


def test_a_stranger_uploads_nothing(app: Flask, alice: Person) -> None:
    answer = app.test_client().post(
        f"/t/{alice.team}/contacts/import",
        data=b"x" * 9_000_000,
        content_type="multipart/form-data; boundary=x",
    )
    assert (answer.status_code, answer.location) == (303, "/login")


def test_who_may_not_write_contacts_sees_no_import(app: Flask, alice: Person, imports: Importer) -> None:
    import_id = imports.bring(table(*ROWS))
    bob = make_person(app, "bob")
    add_member(app, bob, alice, Role.VIEWER)
    viewer: FlaskClient = sign_in(app, bob)
    for place in ("import", "imports", f"imports/{import_id}", f"imports/{import_id}/left-out"):
        assert viewer.get(imports.place(place)).status_code == 403
    for deed in ("start", "stop", "undo", "discard", "reading", "columns"):
        assert viewer.post(imports.place(f"imports/{import_id}/{deed}")).status_code == 403
    assert viewer.post(imports.place("import"), data={"paste": "13800138000"}).status_code == 403


def test_too_many_rows_end_the_check(imports: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 2)
    import_id = imports.bring(table(*ROWS, "13700137000,x,y"))
    one = imports.check(import_id)
    assert (one.state, one.why, sums(one)) == ("failed", "too_many_rows", {})


def test_the_history_and_the_sample(imports: Importer) -> None:
    assert "No imports yet" in imports.browser.get(imports.place("imports")).text
    sample = imports.browser.get(imports.place("import/sample"), buffered=True).data
    one = imports.whole(sample, "sample.csv")
    assert (one.added, one.left_out) == (2, 0)
    page = imports.browser.get(imports.place("imports")).text
    assert "sample.csv" in page
    assert "There are no older imports." in imports.browser.get(imports.place("imports?before=5")).text
