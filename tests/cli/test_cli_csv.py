"""CSV files that are none: nothing in them, no header, other delimiters."""

import pytest

from cli.running import Command

NO_HEADER = "expected a header line with the names of the columns"


@pytest.mark.parametrize("name", ["balances", "positions", "marks"])
@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", f"was empty, {NO_HEADER}"),
        ("\ufeff", f"was empty, {NO_HEADER}"),
        ("\n", f"began with an empty line, {NO_HEADER}"),
        (" , \n1,2\n", f"began with an empty line, {NO_HEADER}"),
        ("account;asset;wallet_balance\nann;USDT;1,5\n", "had columns separated by semicolons; save it with commas"),
        ("account\tasset\nann\tUSDT\n", "had columns separated by tabs; save it with commas"),
    ],
)
def test_score_csv_without_header_or_commas_is_refused(command: Command, name: str, text: str, what: str) -> None:
    command.write("faulty.csv", text)
    ran = command.score("--quiet", **{name: "faulty.csv"})
    assert (ran.code, ran.text, ran.err) == (1, "", f"crossmargin: error: {name} in faulty.csv {what}\n")


def test_score_csv_of_a_header_alone_is_read(command: Command) -> None:
    command.write("none.csv", "account,instrument,quantity,entry_price\n")
    assert command.score("--quiet", positions="none.csv").code == 0
