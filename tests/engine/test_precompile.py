"""Everything that Python calls is compiled ahead of time, for the types that it is called with."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import views
from engine.batch.machine import Machine
from engine.jit import JIT_DISABLED
from engine.ledger import accounts
from engine.model import scale
from engine.model.commands import (
    Amend,
    Asset,
    Batch,
    BonusAt,
    CancelMatch,
    ColdCommand,
    CreateGame,
    CreateMatch,
    EndMatch,
    FundReferrals,
    FundRewards,
    JoinMatch,
    JoinQueue,
    LeaveMatch,
    LeaveQueue,
    OrderType,
    RegisterPlayer,
    ResetSeat,
    SetReferrals,
    Side,
    StartMatch,
    TimeInForce,
    TopUp,
    encode_cold,
)
from engine.model.signatures import PARAMETERS
from engine.storage import compact_index as compact
from engine.storage import hash_index as index
from gateway.core.config import Config
from gateway.core.defaults import GameSeed
from gateway.core.records import (
    amend_order_record,
    amend_position_record,
    buy_fixed_record,
    cancel_all_record,
    cancel_order_record,
    close_position_record,
    cold_record,
    place_order_record,
    quote_record,
    records_of,
    with_blob,
    with_key,
)
from gateway.process.seed import seed_commands
from tests.architecture.sources import ENGINE, ROOT, compiled_functions


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_a_round_in_which_everything_is_called_compiles_nothing() -> None:
    """In a process of its own, because tests may call entries with what they like."""
    script = (
        "from engine.precompile import compile_entries, entries\n"
        "from tests.engine.test_precompile import play\n"
        "compile_entries()\n"
        "play()\n"
        "print([entry.py_func.__name__ for entry in entries() if len(entry.signatures) != 1])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=110, check=True)
    assert done.stdout == "[]\n"


def play() -> None:
    """A round in which every kind of command is used, and then everything that Python calls directly."""
    machine = Machine()
    config = Config()
    of_one = GameSeed("Of one instrument", allowed_symbols=(config.instruments[0].symbol,))
    cold: list[ColdCommand] = [
        *seed_commands(config.instruments, [of_one]),
        *seed_commands(config.instruments[:1], []),  # once more: its open positions get other margins
        RegisterPlayer("warm"),
        ResetSeat(match=1, player=1),
        SetReferrals("DEMO", 1, 1, BonusAt.SIGN_UP),
        FundReferrals("DEMO", 2),
        RegisterPlayer("warmer", referrer=1),
        FundRewards("DEMO", 100 * scale.MONEY),
        TopUp(1, "DEMO", 100 * scale.MONEY),
    ]
    for at_ns, command in enumerate(cold, start=1):
        _apply_cold(machine, at_ns, command)
    hot = [
        quote_record(1, 6_000_000, 6_000_001, 1, 0),
        _order(OrderType.MARKET, 0),
        _order(OrderType.LIMIT, 5_000_000),
        amend_position_record(1, 1, Amend.STOP_LOSS | Amend.MARGIN, 5_900_000, 0, 1, 0),
        amend_order_record(1, 2, Amend.PRICE, 4_000_000, 0, 0, 0),
        cancel_order_record(1, 2),
        cancel_all_record(1, 1),
        close_position_record(1, 1, 0, 100),
        buy_fixed_record(1, 1, 1, 10 * scale.MONEY, Side.LONG, 60, 0),
        buy_fixed_record(1, 0, 1, 10 * scale.MONEY, Side.LONG, 60, Asset.DEMO),
    ]
    book = machine.state.book
    for at_ns, record in enumerate(hot, start=100):
        _apply(machine, at_ns, record, b"")
        views.positions(book, 1, 1)
    game, match = len(machine.state.cold.games) + 1, len(machine.state.cold.matches) + 1
    ending: list[ColdCommand] = [
        CreateGame(
            "Room",
            "",
            1_000 * scale.MONEY,
            1,
            1,
            min_players=2,
            duration_s=60,
            max_daily_drawdown_ppm=100_000,
            currency="USDT",
            entry_fee=1,
            reward_price=10,
        ),
        FundRewards("USDT", 100),
        TopUp(1, "USDT", 100),
        CreateMatch(game, practice=False),
        CreateMatch(game, practice=False),
        JoinMatch(match, 1),
        JoinMatch(match, 1),
        CancelMatch(match + 1, "warm"),
        LeaveMatch(match, 1),
        JoinMatch(match, 1),
        StartMatch(match),
        EndMatch(match, "warm"),
        JoinQueue(game, 1),
        LeaveQueue(game, 1),
    ]
    for at_ns, command in enumerate(ending, start=200):
        _apply_cold(machine, at_ns, command, key=(1, 1) if at_ns in (205, 206) else None)

    machine.preview_order(_order(OrderType.MARKET, 0))
    views.match(machine.state, 1)
    views.board(book, 1, 1)
    views.seats_of(machine.state, 1)
    views.orders(book, 1, 1)
    views.takes_quotes(book, 1, 1)
    views.fixed_trades(book, 1, 1)
    views.wallet_trades(book, 1)
    views.career(book, 1)
    index.rehash(book.request_index, np.zeros_like(book.request_index))
    compact.rehash(book.id_index, np.zeros_like(book.id_index))
    accounts.account_id(1, 1, 1)


def _order(order_type: OrderType, price: int) -> bytes:
    margin = 100 * scale.MONEY
    return place_order_record(
        1, 1, 1, Side.LONG, order_type, TimeInForce.GTC, 10, margin, 0, price, 0, 0, 0, b"", 0, 10_000
    )


def _apply_cold(machine: Machine, at_ns: int, command: ColdCommand, key: tuple[int, int] | None = None) -> None:
    blob = encode_cold(command)
    record = with_key(cold_record(), key, blob) if key else cold_record()
    _apply(machine, at_ns, with_blob(record, len(blob), 0), blob)


def _apply(machine: Machine, at_ns: int, record: bytes, blob: bytes) -> None:
    sequence = int(machine.state.book.world[0]["sequence"]) + 1
    machine.apply(Batch(sequence, at_ns, records_of(record), blob))


def test_parameters_that_are_no_integers_are_in_the_table_of_signatures() -> None:
    """Those of an entry that is indexed, counted, or read a field of: found without compiling."""
    missing = []
    for path in ENGINE:
        for function in compiled_functions(path):
            if not any(getattr(mark, "id", "") in ("entry", "rare_entry") for mark in function.decorator_list):
                continue
            structured = set()
            for node in ast.walk(function):
                if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
                    structured.add(node.value.id)
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "len":
                    structured.add(ast.unparse(node.args[0]))
            wanted = {parameter.arg for parameter in function.args.args} & structured
            missing += [f"{path.stem}.{function.name}.{name}" for name in sorted(wanted - PARAMETERS.keys())]
    assert missing == []


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_processes_that_compile_end_when_the_first_one_is_killed(tmp_path: Path) -> None:
    script = "from engine.precompile import compile_entries; compile_entries(lambda *_: print('compiling', flush=True))"
    environment = os.environ | {"ARENA_KERNEL_CACHE": str(tmp_path)}
    first = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert first.stdout is not None
    first.stdout.readline()
    first.kill()
    first.stdout.read()  # to its end, which comes when the last process that could write to it has ended
    first.wait()
