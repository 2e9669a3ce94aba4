"""Lists that people write: each line is one row under its own columns, or a fault with its line."""

import pytest

from server.sources.written_lists import NotOneRowError, read_written_list

HEAD = "worker;team;address\n"


def rows(text):
    return [(line, *row.values()) for line, row in read_written_list(text).rows()]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "anna;North;/a/\nbram;;/b/\n",
        "\ufeff" + HEAD + "anna;North;/a/\n\nbram;;/b/",
        HEAD.replace(";", ",").upper() + 'anna,"North",/a/\r\nbram,,/b/\r\n',
        "worker;team;address;\nanna;North;/a/;\nbram;;/b/;\n",
    ],
    ids=["plain", "a mark, a blank line and no last line break", "commas, quotes, capitals", "a delimiter at each end"],
)
def test_a_line_is_a_row(text):
    assert [row[1:] for row in rows(text)] == [("anna", "North", "/a/"), ("bram", "", "/b/")]


def test_cells_that_are_left_out_at_the_end_are_empty():
    assert rows("worker;address;devices\nanna;/a/\n") == [(2, "anna", "/a/", "")]


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (('anna;"North;/a/', 'bram;South";/b/'), 2),
        (("anna;North;/a/", 'bram;"South;/b/', "cees;West;/c/"), 3),
        (('anna;No"rth;/a/',), 2),
        (('anna;"North"x;/a/',), 2),
        (('anna;"No\nrth";/a/',), 2),
        (("anna;North;/a/;/b/",), 2),
    ],
    ids=["two rows joined", "the rest swallowed", "a mark inside", "text behind", "a line break", "a cell too many"],
)
def test_a_line_that_is_not_one_row_is_told_and_joined_with_no_other(lines, line):
    with pytest.raises(NotOneRowError) as refused:
        read_written_list(HEAD + "\n".join(lines) + "\n")
    assert refused.value.line == line


def test_a_column_that_is_named_twice_is_told():
    with pytest.raises(NotOneRowError) as refused:
        read_written_list("worker;address;Address\nanna;/a/;/b/\n")
    assert refused.value.line == 1


def test_an_empty_file_has_no_header():
    assert (read_written_list("").header, read_written_list("\n ; \n").header) == ((), ())
