"""``crossmargin explain``: the tree that is printed, the rows that are written, and what is refused."""

import json

import pytest

from cli.running import Command, Ran

FILES = ("--preset", "binance-usdm", "--balances", "balances.csv", "--positions", "positions.csv")
TREE = """\
account 'ann', cross pool in USDT, market 'binance-usdm/2024-10-01'
maintenance_margin         124 + 19.6 = 143.6 USDT  [maintenance_margin]
  charge BTCUSDT           0.4 % x 31,000 - 0 = 124 USDT  [maintenance_margin]
    notional BTCUSDT       0.5 x 62,000 = 31,000 USDT  [instrument]
    tier BTCUSDT           31,000 < 50,000: tier 1  [tiers]
      tier_notional BTCUSDT  0.5 x 62,000 = 31,000 USDT  [tiers]
  charge ETHUSDT           0.4 % x 4,900 - 0 = 19.6 USDT  [maintenance_margin]
    notional ETHUSDT       2 x 2,450 = 4,900 USDT  [instrument]
    tier ETHUSDT           4,900 < 50,000: tier 1  [tiers]
      tier_notional ETHUSDT  2 x 2,450 = 4,900 USDT  [tiers]
"""


def explain(command: Command, *arguments: str) -> Ran:
    return command("explain", *FILES, "--marks", "marks.json", "--quiet", *arguments)


def test_explain_term_prints_its_tree_and_sources(command: Command) -> None:
    ran = explain(command, "--account", "ann", "--term", "maintenance_margin")
    tree, _, sources = ran.text.partition("\nsources\n")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split() for line in tree.splitlines()] == [line.split() for line in TREE.splitlines()]
    assert [line.partition(":")[0].strip() for line in sources.splitlines()] == ["maintenance_margin", "tiers"]


def test_explain_rows_are_written_in_the_format_asked_for(command: Command) -> None:
    ran = explain(command, "--account", "cleo", "--format", "jsonl")
    rows = [json.loads(line) for line in ran.text.splitlines()]
    assert {row["pool"] for row in rows} == {2, 3}
    assert next(row["value"] for row in rows if row["term"] == "isolated_margin") == 75.0
    explain(command, "--account", "cleo", "--out", "why.csv")
    assert command.read("why.csv").startswith("pool,level,term,")


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "--account was not given, and the tables have 3 accounts: name one"),
        (
            ("--account", "dan"),
            1,
            "account was 'dan', which the book does not hold: name one of its 3 accounts, 'ann', 'bob', 'cleo'",
        ),
    ],
)
def test_explain_refuses_an_account_that_is_not_there(
    command: Command, arguments: tuple[str, ...], code: int, text: str
) -> None:
    ran = explain(command, *arguments)
    assert (ran.code, ran.text, ran.err) == (code, "", f"crossmargin: error: {text}\n")


def test_explain_one_account_needs_no_key(command: Command) -> None:
    command.write("balances.csv", "account,asset,wallet_balance\n7,USDT,100\n")
    command.write("positions.csv", "account,instrument,quantity,entry_price\n7,SOLUSDT,1,150\n")
    assert explain(command).text.startswith("account 7, cross pool in USDT")
    ran = explain(command, "--account", "x")
    told = "--account was 'x', but the tables number their accounts: they have 1 account, such as 7"
    assert (ran.code, ran.err) == (1, f"crossmargin: error: {told}\n")
