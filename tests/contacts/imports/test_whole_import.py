"""A file of people from upload to result, through the pages."""

from __future__ import annotations

from tests.contacts.imports.bringing import Importer, sums, table

FILE = table(
    "手机,姓名,城市",
    "13800138000,王芳,北京",
    "138 0013 8001,陈建国,上海",
    "1.38E+10,刘洋,广州",
    "13800138000,王方,北京",
    ",赵敏,深圳",
    "hello,孙丽,杭州",
)


def test_good_rows_come_in_and_the_others_are_listed(imports: Importer) -> None:
    import_id = imports.bring(FILE)
    page = imports.page(import_id)
    assert "What the columns are" in page
    one = imports.check(import_id)
    assert sums(one) == {"rows": 6, "ready": 2}
    assert one.problems == {"rounded": 1, "twice": 1, "empty": 1, "not_mobile": 1}
    page = imports.page(import_id, "?kind=rounded")
    assert "Import 2 good rows" in page
    assert "Download 4 problem rows" in page
    assert "<mark>1.38E+10</mark>" in page
    one = imports.start(import_id)
    assert sums(one) == {"rows": 6, "ready": 2, "added": 2, "left_out": 4}
    assert imports.people() == {
        "13800138000": ("王芳", {"城市": "北京"}),
        "13800138001": ("陈建国", {"城市": "上海"}),
    }
    page = imports.page(import_id)
    assert "Undo this import" in page
