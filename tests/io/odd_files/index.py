"""Odd data files as people have them, and what must come of each.

A file is read as the table that its owner means, or refused by one message that names
the row and, where there is one, the column. Nothing in between: no value is lost, moved
to another column, or taken for another one. Rows are counted from 1 as lines of the
file, the header included; columns are named as the header does, or counted from 0.

`ODD_FILES` is the table, to parametrise over (`ids=str`). A file of which more can be
told is in it with and without that. Parquet files are made by `parquet_files.py`, the
others lie here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Read:
    """The table that a file holds.

    Attributes
    ----------
    names : list of str or None
        Of the features; None if the file has no header.
    X : list of lists of float
        The features, exactly as Python's ``float`` reads the text of a cell.
    y : list of str, int or float, or None
        The labels: numbers only if no digit is lost by that, otherwise the text.
    """

    names: list[str] | None
    X: list[list[float]]
    y: list[Any] | None


@dataclass(frozen=True)
class Refused:
    """What the message must say, beside the name of the file."""

    says: tuple[str, ...]


def refused(*says: str) -> Refused:
    """A refusal with these words in its message."""
    return Refused(says)


@dataclass(frozen=True)
class OddFile:
    """A file, what is told about it, and what must come of it.

    Attributes
    ----------
    name : str
    source : str
        Where such files come from; GitHub's issues as ``owner/repository#number``.
    expected : Read or Refused
    label : str, int or None
        The label's column in a CSV or Parquet file; None reads features only.
    told : dict
        What the user says of the file: ``header`` ("yes" or "no"), ``separator``,
        ``decimal``, ``encoding``.
    """

    name: str
    source: str
    expected: Read | Refused
    label: str | int | None = "y"
    told: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The name, and what is told."""
        told = ", ".join(f"{key}={value!r}" for key, value in self.told.items())
        return f"{self.name} ({told})" if told else self.name


PLAIN = Read(["a", "b"], [[1.0, 2.5], [3.0, 4.5]], [0, 1])
"""What most of the files would be, were they not odd."""
SPARSE = Read(None, [[0.5, 3.0], [0.0, 1.5]], [1, 0])
NO_NAMES = Read(None, PLAIN.X, PLAIN.y)

EXCEL = "Excel where the system's separator of lists is a semicolon"
FIRST_ROW = "pandas' to_csv of a frame without names of columns"
R = "R's write.csv, and most statistics programs"

CSV = [
    # ---------------------------------------------------------- commas and fields
    OddFile(
        "trailing_commas.csv",
        "Bloomberg's and the FEC's files (pandas-dev/pandas#14124): pandas takes "
        "the first column for the index and moves all others",
        PLAIN,
    ),
    OddFile(
        "trailing_commas_in_header_too.csv",
        "Excel, where a cell to the right was once filled (duckdb/duckdb#8231)",
        refused("row 1", "column 3", "name"),
    ),
    OddFile(
        "one_trailing_comma.csv",
        "edited by hand (pandas-dev/pandas#9295): a value was lost or left over",
        refused("row 3"),
    ),
    OddFile(
        "extra_field.csv",
        "an unquoted comma in a text (pandas-dev/pandas#15203); index_col=False alone "
        "would drop the 9",
        refused("row 3"),
    ),
    OddFile(
        "short_row.csv",
        "a row cut off, or a column added later; pandas fills it with NaN",
        refused("row 3"),
    ),
    OddFile(
        "spaces_after_commas.csv",
        "written by hand, or by Fortran and old instruments (pandas-dev/pandas#9295)",
        PLAIN,
    ),
    OddFile("semicolon.csv", EXCEL, refused("row 1", "semicolon")),
    OddFile("semicolon.csv", EXCEL, PLAIN, told={"separator": ";"}),
    OddFile("decimal_comma.csv", EXCEL, refused("row 1", "semicolon")),
    OddFile(
        "decimal_comma.csv",
        EXCEL,
        refused("row 2", "column 'a'"),
        told={"separator": ";"},
    ),
    OddFile(
        "decimal_comma.csv",
        EXCEL,
        Read(["a", "b"], [[1.5, 2.25], [3.0, 4.5]], [0, 1]),
        told={"separator": ";", "decimal": ","},
    ),
    OddFile("tab.csv", "databases, and what is pasted", refused("row 1", "tab")),
    OddFile(
        "tab.csv", "databases, and what is pasted", PLAIN, told={"separator": "\t"}
    ),
    OddFile(
        "sep_line.csv",
        "tools that write for Excel (PowerShell/PowerShell#7776)",
        refused("row 1", "sep="),
    ),
    # ------------------------------------------------------------- lines and quotes
    OddFile("crlf.csv", "Windows, and RFC 4180", PLAIN),
    OddFile("cr.csv", 'Excel\'s "CSV (Macintosh)"', PLAIN),
    OddFile("no_last_newline.csv", "Excel for the web, and editors", PLAIN),
    OddFile("empty_last_lines.csv", "edited by hand", PLAIN),
    OddFile("empty_line_inside.csv", "files joined by hand", PLAIN),
    OddFile("quoted_numbers.csv", "R's write.csv of text, PHP, COBOL", PLAIN),
    OddFile(
        "quoted_newline.csv",
        "Alt+Enter in a cell of Excel",
        Read(["a\n(cm)", "b"], PLAIN.X, ["not\nyet", "done"]),
    ),
    OddFile(
        "fault_after_quoted_newline.csv",
        "the same: rows are lines of the file, as an editor counts them",
        refused("row 4", "column 'b'"),
    ),
    OddFile(
        "digits_after_quote.csv",
        "a quote inside a number, such as inches",
        refused("row 3"),
    ),
    OddFile(
        "unclosed_quote.csv",
        "a quote typed by hand: the rest of the file is one cell",
        refused("row 3"),
    ),
    OddFile(
        "comment_first.csv",
        "instruments and simulations (nietras/Sep#274)",
        refused("row 1", "#"),
    ),
    OddFile(
        "comment_inside.csv",
        "loggers that note a restart",
        refused("row 3", "#"),
    ),
    OddFile("header_again.csv", "files joined with cat", refused("row 4")),
    OddFile("total_row.csv", "reports, spreadsheets", refused("row 4", "column 'a'")),
    # ----------------------------------------------------------------------- header
    OddFile("headerless.csv", "SageMaker's own training files", NO_NAMES, label=2),
    OddFile(
        "text_label_no_header.csv",
        "the UCI repository's iris",
        Read(None, [[5.1, 3.5], [6.2, 2.9]], ["setosa", "versicolor"]),
        label=2,
    ),
    OddFile(
        "na_in_first_row.csv",
        f"{R}: text over a number looks like a name, and a row is lost",
        refused("row 1", "--header"),
        label=2,
    ),
    OddFile(
        "na_in_first_row.csv",
        R,
        refused("row 1", "column 1"),
        label=2,
        told={"header": "no"},
    ),
    OddFile(
        "na_in_first_row.csv",
        R,
        Read(["1", "NA"], [[3.0, 4.5], [5.0, 6.5]], [1, 0]),
        label="2",
        told={"header": "yes"},
    ),
    OddFile("counted_names.csv", FIRST_ROW, refused("row 1", "--header"), label=2),
    OddFile(
        "counted_names.csv",
        FIRST_ROW,
        Read(["0", "1"], PLAIN.X, PLAIN.y),
        label="2",
        told={"header": "yes"},
    ),
    OddFile(
        "counted_names.csv",
        "a first row that happens to count",
        Read(None, [[0.0, 1.0], *PLAIN.X], [2, 0, 1]),
        label=2,
        told={"header": "no"},
    ),
    OddFile(
        "years_as_names.csv",
        "pivot tables of statistical offices: a name over numbers makes a header",
        Read(["region", "2020"], PLAIN.X, PLAIN.y),
        label="2021",
    ),
    OddFile(
        "duplicate_names.csv",
        "SQL joins; pandas would read a and a.1",
        refused("row 1", "'a'"),
    ),
    OddFile(
        "index_column.csv",
        "pandas' to_csv without index=False: the number of the row is no feature",
        refused("row 1", "column 0", "name"),
    ),
    OddFile("header_only.csv", "a query that found nothing", refused("rows")),
    OddFile("empty.csv", "a job that failed, or a full disk", refused("empty")),
    OddFile("only_newlines.csv", "a script that printed nothing", refused("empty")),
    OddFile(
        "one_column.csv",
        "a single series",
        Read(["a"], [[1.0], [3.0]], None),
        label=None,
    ),
    OddFile(
        "one_column.csv",
        "labels saved apart from their rows",
        refused("label"),
        label="a",
    ),
    # ----------------------------------------------------------------------- labels
    OddFile(
        "leading_zeros.csv",
        "postal codes, codes of diseases and goods (browser-use/workflow-use#174)",
        Read(["a", "b"], [[1.0, 2.5], [3.0, 4.5], [5.0, 6.5]], ["007", "042", "007"]),
    ),
    OddFile(
        "label_none_and_na.csv",
        "sodium, Namibia, the answer None (pandas-dev/pandas#10647)",
        Read(["a", "b"], [[1.0, 2.5], [3.0, 4.5], [5.0, 6.5]], ["None", "NA", "null"]),
    ),
    OddFile(
        "label_empty.csv", "rows that nobody labelled", refused("row 3", "column 'y'")
    ),
    OddFile(
        "label_true_false.csv",
        "pandas' to_csv of a boolean column; classes are named as they are written",
        Read(["a", "b"], PLAIN.X, ["True", "False"]),
    ),
    # ---------------------------------------------------------------------- numbers
    OddFile(
        "true_false.csv",
        "pandas' to_csv of boolean columns",
        Read(["a", "b"], [[1.0, 2.5], [0.0, 4.5]], [0, 1]),
    ),
    OddFile(
        "many_digits.csv",
        "doubles printed in full, numbers of accounts (pandas' fast parser is off by a "
        "digit)",
        Read(
            ["a", "b"],
            [
                [float("0.1000000000000000055511151231257827"), 123456789012345678.0],
                [5e-324, 0.30000000000000004],
                [1.7976931348623157e308, 9007199254740993.0],
            ],
            [0, 1, 0],
        ),
    ),
    OddFile("empty_cell.csv", R, refused("row 3", "column 'b'")),
    OddFile("na_cell.csv", R, refused("row 3", "column 'b'")),
    OddFile("nan_cell.csv", "NumPy's savetxt", refused("row 3", "column 'b'")),
    OddFile("inf_cell.csv", "logarithms of zero", refused("row 3", "column 'b'")),
    OddFile(
        "too_large_cell.csv",
        "a simulation that diverged; it is no double",
        refused("row 3", "column 'b'"),
    ),
    OddFile(
        "quoted_thousands.csv",
        "Excel with a format of numbers",
        refused("row 3", "column 'a'"),
    ),
    OddFile(
        "unquoted_thousands.csv",
        "the same without quotes: the row has one field too many",
        refused("row 3"),
    ),
    OddFile(
        "no_break_space.csv",
        "tables copied from web pages and PDF; Python's float would read it",
        refused("row 3", "column 'a'"),
    ),
    OddFile(
        "no_break_thousands.csv",
        "French and SI thousands, with a narrow no-break space",
        refused("row 3", "column 'a'"),
    ),
    OddFile(
        "underscore_number.csv",
        "identifiers; Python's float would read 10",
        refused("row 3", "column 'a'"),
    ),
    OddFile(
        "hexadecimal_number.csv",
        "registers of sensors (pandas-dev/pandas#27515)",
        refused("row 3", "column 'a'"),
    ),
    OddFile(
        "fullwidth_digits.csv",
        "East Asian keyboards; Python's float would read 10",
        refused("row 3", "column 'a'"),
    ),
    OddFile("currency.csv", "bank statements", refused("row 2", "column 'b'")),
    OddFile("text_feature.csv", "categories", refused("row 2", "column 'b'")),
    # --------------------------------------------------------- bytes and compression
    OddFile("bom.csv", 'Excel\'s "CSV UTF-8" (mafintosh/csv-parser#196)', PLAIN),
    OddFile("bom_quoted.csv", "the same with quoted names (adaltas/node-csv-parse#284)",
            PLAIN),
    OddFile("latin1.csv", "Excel's plain CSV", refused("row 1", "encoding")),
    OddFile(
        "latin1.csv",
        "Excel's plain CSV",
        Read(["größe", "b"], PLAIN.X, PLAIN.y),
        told={"encoding": "latin-1"},
    ),
    OddFile("latin1_label.csv", "Excel's plain CSV", refused("row 2", "encoding")),
    OddFile(
        "latin1_label.csv",
        "Excel's plain CSV",
        Read(["a", "b"], PLAIN.X, ["früh", "spät"]),
        told={"encoding": "latin-1"},
    ),
    OddFile(
        "utf16.csv", "Windows PowerShell's Out-File", refused("row 1", "encoding")
    ),
    OddFile(
        "utf16.csv",
        "Windows PowerShell's Out-File",
        PLAIN,
        told={"encoding": "utf-16"},
    ),
    OddFile("nul_bytes.csv", "a disk that filled up", refused("row 3")),
    OddFile("plain.csv.gz", "gzip", PLAIN),
    OddFile("plain.csv.bz2", "bzip2", PLAIN),
    OddFile("plain.csv.xz", "xz", PLAIN),
    OddFile("plain.csv.zst", "zstd (a frame of one uncompressed block)", PLAIN),
    OddFile("cut.csv.gz", "a download that broke off", refused()),
    OddFile("not_gzip.csv.gz", "a browser that has unpacked it already", refused()),
]  # fmt: skip

LIBSVM = [
    OddFile("one_based.svm", "LIBSVM's own files", SPARSE),
    OddFile("zero_based.svm", "scikit-learn's dump_svmlight_file", Read(
        None, [[0.5, 3.0], [0.0, 1.5]], [1, 0])),
    OddFile("signed_labels.svm", "LIBSVM's own files", Read(None, SPARSE.X, [1, -1])),
    OddFile("text_labels.svm", "documents by topic; Vowpal Wabbit's habits", Read(
        None, SPARSE.X, ["spam", "ham"])),
    OddFile("qid.svm", "learning to rank (lightgbm-org/LightGBM#2538): the query is no "
            "feature", SPARSE),
    OddFile("comments.svm", "SVMlight", SPARSE),
    OddFile("row_of_zeros.svm", "documents without a known word", Read(
        None, [[0.5, 3.0], [0.0, 0.0]], [1, 0])),
    OddFile("crlf.svm", "Windows", SPARSE),
    OddFile("empty_last_lines.svm", "edited by hand", SPARSE),
    OddFile("underscore.svm", "Python's float would read 10", refused("row 2")),
    OddFile("underscore_index.svm", "Python's int would read 10", refused("row 2")),
    OddFile("nan.svm", "dump_svmlight_file of rows with gaps", refused("row 2")),
    OddFile("inf.svm", "logarithms of zero", refused("row 2")),
    OddFile("unsorted.svm", "dictionaries written as they come", refused("row 2")),
    OddFile("index_twice.svm", "words counted twice", refused("row 2")),
    OddFile("no_value.svm", "a list of the features that are 1", refused("row 2")),
    OddFile("empty.svm", "a job that failed", refused("empty")),
]  # fmt: skip

PARQUET = [
    OddFile("plain.parquet", "pandas' to_parquet", PLAIN),
    OddFile("booleans.parquet", "columns of flags", Read(
        ["a", "b"], [[1.0, 2.5], [0.0, 4.5]], [0, 1])),
    OddFile("text_label.parquet", "pandas' to_parquet", Read(
        ["a", "b"], PLAIN.X, ["no", "yes"])),
    OddFile("dictionary_label.parquet", "pandas' categories; Spark", Read(
        ["a", "b"], PLAIN.X, ["no", "yes"])),
    OddFile("zeros_in_text_label.parquet", "codes", Read(
        ["a", "b"], PLAIN.X, ["007", "042"])),
    OddFile("decimals.parquet", "databases", Read(
        ["a", "b"], [[1.0, 2.25], [3.0, 4.5]], [0, 1])),
    OddFile("categories.parquet", "pandas' categories as a feature",
            refused("row 1", "column 'b'")),
    OddFile("nulls.parquet", "SQL's NULL", refused("row 2", "column 'b'")),
    OddFile("null_label.parquet", "SQL's NULL", refused("row 2", "column 'y'")),
    OddFile("nan.parquet", "pandas' gaps", refused("row 2", "column 'b'")),
    OddFile("times.parquet", "time series", refused("column 'b'")),
    OddFile("lists.parquet", "Spark's vectors, embeddings", refused("column 'b'")),
    OddFile("no_rows.parquet", "a query that found nothing", refused("rows")),
]  # fmt: skip

ODD_FILES = [*CSV, *LIBSVM, *PARQUET]
