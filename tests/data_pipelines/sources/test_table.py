"""Tables as they come: csv with all its quirks, tsv, jsonl, parquet, DataFrames."""

import datetime
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from data_pipelines import read_table
from data_pipelines.sources import source as source_module


def saved(folder, name, text, encoding="utf-8"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def contents(rows):
    return {column: rows.values(column).tolist() for column in rows.columns}


def test_csv(tmp_path):
    text = '\ufefftitle,price,note\r\n"a, b",1,"two\nlines"\r\n"says ""hi""",,猫\r\n\r\n , 3 ,\r\n'
    rows = read_table(saved(tmp_path, "t.csv", text))
    assert rows.columns == ("title", "price", "note") and len(rows) == 3
    assert contents(rows) == {
        "title": ["a, b", 'says "hi"', " "],
        "price": ["1", "", " 3 "],
        "note": ["two\nlines", "猫", ""],
    }
    assert rows.source.media_root == str(tmp_path)


def test_csv_that_begins_with_blank_lines(tmp_path):
    assert contents(read_table(saved(tmp_path, "t.csv", "\n\na,b\n\n1,2\n"))) == {"a": ["1"], "b": ["2"]}


def test_csv_with_a_gap_longer_than_a_chunk(tmp_path):
    rows = read_table(saved(tmp_path, "t.csv", "a,b\n1,2\n" + "\n" * 2 * source_module.CHUNK + "3,4\n"))
    assert contents(rows) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_csv_of_several_chunks(tmp_path):
    numbers = [str(number) for number in range(2 * source_module.CHUNK + 5)]
    rows = read_table(saved(tmp_path, "t.csv", "n\n" + "\n".join(numbers)))
    assert rows.values("n").tolist() == numbers


def test_tsv(tmp_path):
    rows = read_table(saved(tmp_path, "T.TSV", "a\tb\n1,5\t2\n"))
    assert contents(rows) == {"a": ["1,5"], "b": ["2"]}


def test_jsonl(tmp_path):
    lines = '\ufeff{"a": 1, "b": ["x|y", 2, null]}\n\n{"a": null, "c": true}\n{"a": NaN, "b": [], "c": {"k": "猫"}}\n'
    rows = read_table(saved(tmp_path, "t.jsonl", lines))
    assert contents(rows) == {
        "a": ["1", "", ""],
        "b": ["x y|2|", "", ""],
        "c": ["", "true", '{"k": "猫"}'],
    }


def test_keys_of_lines_far_down_are_columns(tmp_path):
    rows = read_table(saved(tmp_path, "t.jsonl", '{"a": 1}\n' * 1500 + '{"late": 2}\n'))
    assert rows.columns == ("a", "late") and len(rows) == 1501
    assert rows.values("late")[-1] == "2" and set(rows.values("late")[:-1]) == {""}


def test_dates_and_bytes_in_records_are_written(tmp_path):
    records = pa.array([{"day": datetime.date(2024, 2, 29), "tag": "猫"}])
    pyarrow.parquet.write_table(pa.table({"facts": records}), tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").values("facts").tolist() == ['{"day": "2024-02-29", "tag": "猫"}']


@pytest.mark.parametrize("encoding", ["gb18030", "GBK", "utf-16", "utf-16-le", "big5"])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_other_encodings(tmp_path, name, encoding):
    text = "名,價\n猫 a,1\n狗,2\n" if name == "t.csv" else '{"名": "猫 a", "價": 1}\n{"名": "狗", "價": 2}\n'
    text = text if encoding in ("utf-16", "big5") else text.replace("價", "价")
    text = text if encoding != "big5" else text.replace("猫", "貓")
    rows = read_table(saved(tmp_path, name, text, encoding), encoding=encoding)
    assert list(contents(rows).values()) == [["貓 a" if encoding == "big5" else "猫 a", "狗"], ["1", "2"]]


def test_utf8_by_name_has_no_byte_order_mark_in_a_column(tmp_path):
    assert read_table(saved(tmp_path, "t.csv", "\ufeffa,b\n1,2\n"), encoding="UTF8").columns == ("a", "b")


@pytest.mark.parametrize(
    ("written", "said", "fitting"),
    [
        ("gb18030", None, "gb18030"),
        ("utf-16", None, "utf-16"),
        ("utf-8", "ascii", "utf-8"),
        ("cp1252", "gb18030", None),
    ],
)
def test_the_wrong_encoding_is_named_with_one_that_fits(tmp_path, written, said, fitting):
    text = "名称,价\n猫,1\n" if written != "cp1252" else "caf\u00e9,b\n1,2\n"
    path = saved(tmp_path, "t.csv", text, written)
    rule = f'"t.csv": a table must be {said or "UTF-8"} text. .*Do: encoding="{fitting or "cp1252"}" if it is that'
    with pytest.raises(ValueError, match=rule):
        read_table(path, encoding=said)


def test_encodings_that_make_no_sense(tmp_path):
    path = saved(tmp_path, "t.csv", "a\nb\n")
    with pytest.raises(
        ValueError, match=r"must be one that Python knows. Received: encoding='klingon'. Do: \"gb18030\""
    ):
        read_table(path, encoding="klingon")
    pyarrow.parquet.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"only csv, tsv and jsonl have an encoding. Received: .*encoding='gbk'"):
        read_table(tmp_path / "t.parquet", encoding="gbk")


def test_half_a_surrogate_pair_costs_a_character_and_not_the_table(tmp_path):
    rows = read_table(saved(tmp_path, "t.ndjson", '{"a": "cut \\ud83d"}\n{"a": "whole \\ud83d\\ude00"}\n'))
    assert rows.values("a").tolist() == ["cut ?", "whole 😀"]
    assert [row["a"].numpy().decode() for row in rows.dataset(["a"])] == ["cut ?", "whole 😀"]


def test_parquet(tmp_path):
    table = pa.table(
        {
            "media": pa.array([b"\0\xff", None], pa.binary()),
            "tags": pa.array([["a", "b|c"], None], pa.list_(pa.string())),
            "price": pa.array([1.5, float("nan")]),
            "count": pa.array([7, None], pa.int64()),
            "day": pa.array([datetime.date(2024, 2, 29), None]),
            "kind": pa.array(["x", None]).dictionary_encode(),
            "new": pa.array([True, False]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    rows = read_table(tmp_path / "t.parquet")
    assert rows.source.bytes_columns == {"media"}
    assert contents(rows) == {
        "media": [b"\0\xff", ""],
        "tags": ["a|b c", ""],
        "price": ["1.5", ""],
        "count": ["7", ""],
        "day": ["2024-02-29", ""],
        "kind": ["x", ""],
        "new": ["true", "false"],
    }


def test_data_frame():
    frame = pd.DataFrame(
        {
            "text": ["a", None, pd.NA],
            "number": [1.5, np.nan, 2],
            "whole": pd.array([1, None, 3], "Int64"),
            "day": pd.to_datetime(["2024-01-02", None, "2024-01-03"]),
            "media": [b"\xff", None, b""],
            "list": [["a", "b"], np.array([1, 2]), None],
            "single": np.array([np.float32("nan"), np.float32(0.5), np.int8(3)], object),
            5: [True, False, True],
        },
        index=[7, 8, 9],
    )
    rows = read_table(frame)
    assert rows.source.bytes_columns == {"media"} and rows.source.media_root == ""
    assert contents(rows) == {
        "text": ["a", "", ""],
        "number": ["1.5", "", "2.0"],
        "whole": ["1", "", "3"],
        "day": ["2024-01-02 00:00:00", "", "2024-01-03 00:00:00"],
        "media": [b"\xff", "", b""],
        "list": ["a|b", "1|2", ""],
        "single": ["", "0.5", "3"],
        "5": ["true", "false", "true"],
    }
    assert read_table(frame, media_root="pictures").source.media_root == "pictures"


def test_rows_are_numbered_as_their_readers_number_them(tmp_path):
    def numbers(rows):
        return [int(row["_row"]) for row in rows.dataset([rows.columns[0]])]

    assert numbers(read_table(saved(tmp_path, "t.csv", "a\nx\ny\n"))) == [2, 3]
    assert numbers(read_table(saved(tmp_path, "t.jsonl", '{"a": 1}\n{"a": 2}\n'))) == [1, 2]
    assert numbers(read_table(pd.DataFrame({"a": [1, 2]}))) == [0, 1]


def test_cells_hold_more_than_a_csv_field_usually_may(tmp_path):
    rows = read_table(saved(tmp_path, "t.csv", "a,b\n" + "x" * 1_000_000 + ",1\n"))
    assert len(rows.values("a")[0]) == 1_000_000


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "", "must have a header and rows. Received: an empty file"),
        ("t.csv", "\n\n", "must have a header and rows. Received: an empty file"),
        ("t.csv", "a,b\n", r"must have rows under its header. Received: only \['a', 'b'\]"),
        ("t.csv", "a,b\n\n", r"must have rows under its header. Received: only \['a', 'b'\]"),
        (
            "t.csv",
            "1,cat\n2,dog\n",
            r"first line must name every column.*Received: \['1', 'cat'\].*Do: add a header line",
        ),
        ("t.csv", "1,2\n", r"first line must name every column.*Received: \['1', '2'\]"),
        ("t.csv", "a,,b\n1,2,3\n", r"first line must name every column.*Received: \['a', '', 'b'\]"),
        ("t.csv", "a,b,a\n1,2,3\n", r"each once. Received: \['a', 'b', 'a'\]"),
        (
            "t.csv",
            b"a,b\ncaf\xe9,1\n",
            r'must be UTF-8 text. Received: .*0xe9.*Do: encoding="cp1252" if it is that, or save it as UTF-8',
        ),
        ("t.csv", "a,b\n1,2\n", None),
        ("t.tsv", "", "an empty file"),
        ("t.jsonl", "", "must have rows. Received: an empty file"),
        ("t.jsonl", '{"a": 1}\n[1]\n', r"every line must be a JSON object. Received: '\[1\]' in line 2"),
        ("t.jsonl", '{"a": 1}\n\n{"a": \n', "every line must be a JSON object. Received: .* in line 3"),
        (
            "t.jsonl",
            b'{"a": "caf\xe9"}\n',
            r'must be UTF-8 text. Received: .*0xe9.*Do: encoding="cp1252" if it is that, or save it as UTF-8',
        ),
        ("t.parquet", b"PAR1 not really", "this is no parquet file"),
        ("t.xlsx", b"PK", r"must end in .csv, .tsv, .jsonl, .ndjson, .parquet, .arrow, .feather. Received: .*t.xlsx"),
    ],
)
def test_files_that_are_no_tables(tmp_path, name, text, message):
    path = saved(tmp_path, name, text)
    if message is None:
        assert len(read_table(path)) == 1
        return
    with pytest.raises(ValueError, match=message):
        len(read_table(path))


def test_a_ragged_line_is_named(tmp_path):
    lines = ["a,b", *["1,2"] * 5, "1,2,3", *["1,2"] * 5]
    with pytest.raises(ValueError, match=r'"t.csv": a line must have 2 cells. Received: 3 in line 7: .*quote the cell'):
        len(read_table(saved(tmp_path, "t.csv", "\n".join(lines))))


def test_bytes_that_are_no_utf8_far_down_are_found(tmp_path):
    text = b"a,b\n" + b"1,2\n" * 20_000 + b"caf\xe9,1\n"
    with pytest.raises(ValueError, match=r'"t.csv": a table must be UTF-8 text. .*after line \d+'):
        len(read_table(saved(tmp_path, "t.csv", text)))


def test_tables_of_no_rows(tmp_path):
    pyarrow.parquet.write_table(pa.table({"a": pa.array([], pa.int64())}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"must have rows. Received: 0 rows, columns \['a'\]"):
        read_table(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"must have rows. Received: a DataFrame of 0 rows, columns \['a'\]"):
        read_table(pd.DataFrame({"a": []}))


def test_columns_of_one_name(tmp_path):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(ValueError, match=r"every column must have a name of its own. Received: \['a', 'a'\]"):
        read_table(frame)
    pyarrow.parquet.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"every column must have a name of its own. Received: \['a', 'a'\]"):
        read_table(tmp_path / "t.parquet")


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must be a file that exists. Received: '.*none.csv'"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(
        ValueError, match=r"must hold the .arrow or .parquet files of a table. Received: none in .* Do: rea"
    ):
        read_table(tmp_path)
    files = [saved(tmp_path, "a.csv", "a\n1\n"), saved(tmp_path, "b.csv", "a\n1\n")]
    with pytest.raises(ValueError, match=r"several files must be parquet or arrow files. Received: \['.*a.csv'"):
        read_table(files)
    with pytest.raises(ValueError, match=r"several files must be parquet or arrow files. Received: \[\]"):
        read_table([])


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    path = saved(tmp_path, "t.parquet", b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "mmkeras\[parquet\]"'):
        read_table(path)


@pytest.mark.parametrize(
    ("changes", "first", "last"),
    [
        ({50: '50,"open'}, 51, "the end of the table"),
        ({100: '100,"open'}, 101, "the end of the table"),
        ({50: '50,"open', 60: '60,"again'}, 51, "line 61"),
        ({1: '"1,a'}, 2, "the end of the table"),
    ],
)
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_quote_that_is_not_closed_is_named_by_its_line(tmp_path, changes, first, last, end):
    lines = ["n,text", *(changes.get(number, f"{number},word {number}") for number in range(1, 101))]
    rule = rf'"t.csv": a quote .* must be closed .* Received: one row from line {first} to {last}: .*Do: close the quo'
    with pytest.raises(ValueError, match=rule):
        len(read_table(saved(tmp_path, "t.csv", "\n".join(lines) + end)))


def test_quotes_that_lose_no_row_are_read(tmp_path):
    text = 'a,b\n"1"x,5" disk\n"two\n""lines""\n",""\n"last","line\nof two"'
    assert contents(read_table(saved(tmp_path, "t.csv", text))) == {
        "a": ["1x", 'two\n"lines"\n', "last"],
        "b": ['5" disk', "", "line\nof two"],
    }


def test_a_blank_line_of_a_single_column_is_an_empty_cell(tmp_path):
    rows = read_table(saved(tmp_path, "t.csv", "\nword\na\n\nb\n\n"))
    assert contents(rows) == {"word": ["a", "", "b", ""]}
    assert contents(read_table(saved(tmp_path, "t.tsv", "word\na\r\n\r\nb"))) == {"word": ["a", "", "b"]}


def test_names_that_are_numbers_on_demand(tmp_path):
    path = saved(tmp_path, "t.csv", "2019,2020,kind\n1,2,a\n3,4,b\n")
    with pytest.raises(ValueError, match=r"Received: \['2019', '2020', 'kind'\]\..* or header=True \(--header\), if"):
        read_table(path)
    assert contents(read_table(path, header=True)) == {"2019": ["1", "3"], "2020": ["2", "4"], "kind": ["a", "b"]}
    for text in ("1,,2\n3,4,5\n", "1,1\n2,3\n", "2019,2020\n"):
        with pytest.raises(ValueError, match=r"first line must name every column|must have rows under its header"):
            read_table(saved(tmp_path, "t.csv", text), header=True)
