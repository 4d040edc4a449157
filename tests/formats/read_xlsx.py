"""Reads xlsx by openpyxl; what a sheet cannot hold must have been reported."""
import base64
import datetime
import re
import subprocess

import openpyxl
from openpyxl.utils.escape import unescape

from expected import double_bits, double_of

ROLES = ["_project", "_category", "_collection", "_subject", "_tags", "_media"]
WRITTEN = re.compile(rb"\d{4}-\d\d-\d\d(?:[T ](\d\d:\d\d:\d\d)(Z|[+-]\d\d:?\d\d)?)?$")


def same_text(export, record, column, text, found):
    if text == b"":
        assert found is None and export.is_reported(record, column), (record.name(), column, found)
        return
    # Controls are escaped as _x0001_ in the file; not every path of openpyxl takes that back.
    found = unescape(found) if isinstance(found, str) else found
    if isinstance(found, str) and found.encode() == text:
        return
    # XML readers take CR for a line break, and openpyxl knows only some escapes.
    wanted = text.decode("utf-8", "replace")
    assert isinstance(found, str), (record.name(), column, text, found)
    if export.is_reported(record, column):
        repaired = re.sub("[\0\ufffe\uffff]", "\ufffd", wanted)
        assert len(found) > 32000 or found == repaired, (record.name(), column, text, found)
        return
    raise AssertionError((record.name(), column, text, found))


def check(export, record, column, value, cell):
    kind, held = value
    found = cell.value
    if kind == "n":
        assert found is None, (record.name(), column, found)
    elif kind == "i" and abs(held) <= 2**53:
        assert cell.data_type == "n" and found == held, (record.name(), column, found)
    elif kind == "i":
        assert found == str(held) and export.is_reported(record, column)
    elif kind == "d":
        number = double_of(held)
        exact = isinstance(found, (int, float)) and double_bits(float(found)) == held
        assert exact or export.is_reported(record, column), (record.name(), column, number, found)
        close = number != number or float(found) == number or (
            abs(float(found) - number) < abs(number) * 1e-15)
        assert close, (record.name(), column, found)
    elif kind == "b":
        if held == b"":
            assert found is None and export.is_reported(record, column)
        else:
            assert base64.b64decode(found) == held
    elif column == b"created_at" and WRITTEN.match(held):
        check_date(held, cell)
    else:
        assert cell.data_type in "sn", (cell.data_type, record.name(), column)  # never a formula
        same_text(export, record, column, held, found)


def check_date(written, cell):
    """A date that sorts as one, and shows every character as it was written."""
    assert cell.is_date and isinstance(cell.value, datetime.datetime), cell.value
    assert cell.value.strftime("%Y-%m-%d").encode() == written[:10]
    if len(written) >= 19:
        assert cell.value.strftime("%H:%M:%S").encode() == written[11:19]
    zone = written[19:].decode()
    assert cell.number_format.endswith(f'"{zone}"') or not zone, cell.number_format


def rows_of(sheet):
    rows = list(sheet.iter_rows())
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref
    assert all(cell.font.b for cell in rows[0])
    return [cell.value for cell in rows[0]], rows[1:]


def read_xlsx(export):
    book = openpyxl.load_workbook(export.out / "records.xlsx")
    assert book.sheetnames == ["memory", "Memory (2)", "a_b_c", "nothing", "About"]
    types = [b"memory", b"Memory", b"a/b:c", b"nothing"]
    for type_, name in zip(types, book.sheetnames):
        header, rows = rows_of(book[name])
        records = export.of_type(type_)
        assert len(rows) == len(records), (name, len(rows), len(records))
        for record, row in zip(records, rows):
            for (column, value), cell in zip(record.fields, row):
                check(export, record, column, value, cell)
            check_roles(export, record, dict(zip(header, row)))


def check_roles(export, record, row):
    values = [record.roles[role] for role in ("project", "category", "collection", "subject")]
    values += [b"\n".join(record.tags), b"\n".join(path for path, _ in record.media)]
    for role, text in zip(ROLES, values):
        if text:
            same_text(export, record, role.encode(), text, row[role].value)
        else:
            assert role not in row or row[role].value is None


def libreoffice_reads(export, folder):
    """Every sheet as csv; the rows of the first are counted."""
    subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile",
                    "--convert-to", "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,"
                    "false,false,false,-1", "--outdir", folder,
                    export.out / "records.xlsx"], check=True, capture_output=True, timeout=280)
    import csv
    csv.field_size_limit(1 << 30)
    with open(folder / "records-memory.csv", newline="", encoding="utf-8") as file:
        return list(csv.reader(file))
