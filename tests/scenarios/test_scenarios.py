"""The rules as people write them down: each file in scenarios/ is a game, line by line, with what has to come of it.

    player ann cash=10000 fees               a player; of a match: cash, fees, next, max_positions, other rules
    BTCUSDT 99999.99 100000                  a quote: bid and ask
    contest 60 reward_price=100              a match of a minute, with other rules
    player ann in contest                    a player of it
    wait 2.5                                 seconds go by
    set BTCUSDT maker_fee_ppm=100            an instrument's data change
    hours BTCUSDT mon 00:00 - fri 22:00      or its trading hours: windows with commas between, or always
    zone America/New_York                    a time zone, which may be of hours and days:
    hours BTCUSDT in America/New_York mon 09:30 - mon 16:00
    switch BTCUSDT halted on                 a kill switch: of the arena, a symbol, a player, or ann.match
    settle BTCUSDT 60000                     an operator closes all positions of a halted instrument at that price
    ann long BTCUSDT quantity=1 leverage=20 as p => filled price=100000
    ann closes p percent=50 => filled profit=100
    ann amends p stop_loss=99000 margin=-10
    ann moves o price=61000 stop_loss=60000 expires_in=30
    ann cancels o => refused ORDER_NOT_FOUND
    ann cancels all => canceled left=2
    ann up BTCUSDT stake=100 for=30 as t
    ann resets
    ann may be away for 10                   seconds, until what rests is cancelled
    ann leaves                               the last of her connections is gone
    ann returns
    ann has cash=4950 positions=1

`limit=PRICE` makes an order a limit order, `stop=PRICE` a stop order; `ioc` and `expires_in=SECONDS` say how long it
may rest, `max_slippage_ppm=N` how far a market order may slip, `trailing_stop=PPM` how far its stop stays behind,
`as NAME` names it. `up` and `down` buy a fixed-time trade, `for` so many seconds. What follows `=>` is the reply;
without it the command only has to be accepted. Indented lines are the events that the line above makes, all of them and
in order:

    BTCUSDT 95475.11 95475.12
        > ann p closed liquidation price=95475.11
        > ann t settled won profit=80
        > ann warned 80 equity=9200 level=9000
        > ann disqualified total_drawdown
        > ann finished 1 balance=10000 prize=100

A quote, a wait or a change after which nothing is indented must make none. Numbers are decimals in the instrument's
units; what is not named is not looked at. The arena opens on a Tuesday at 22:13:20 UTC. `#` begins a comment.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace

from engine.model.commands import Anchor, DefineZone, Execution, SettleInstrument, TotalDrawdown
from engine.model.events import EventKind, OrderStatus, Rule
from engine.model.reasons import Reason
from engine.model.scale import MONEY
from gateway.core.zones import moments_of
from gateway.presenters.hours import parse_hours
from tests.harness.arena import BTC, LONG, SHORT, Arena, Happened, HappenedFixed, Player, dollars, money

FILES = sorted(Path(__file__).parent.glob("*.txt"))

FINE = replace(BTC, symbol="FINEUSDT", tick_units=MONEY // 10_000, lot_units=MONEY // 10_000, highest_price=2 * 10**9,
               max_lots=500_000_000)  # fmt: skip
"""Bitcoin with ticks of 0.0001 and lots of 0.0001."""

SWITCH = {"on": True, "off": False}
SIDES = {"long": LONG, "short": SHORT}
DIRECTIONS = {"up": LONG, "down": SHORT}
EVENTS = {
    "accepted": EventKind.ORDER_ACCEPTED,
    "filled": EventKind.ORDER_FILLED,
    "canceled": EventKind.ORDER_CANCELED,
    "expired": EventKind.ORDER_EXPIRED,
    "refused": EventKind.ORDER_REFUSED,
    "rests": EventKind.ORDER_CHANGED,
    "opened": EventKind.POSITION_OPENED,
    "changed": EventKind.POSITION_CHANGED,
    "reduced": EventKind.POSITION_REDUCED,
    "margin_changed": EventKind.POSITION_MARGIN_CHANGED,
    "closed": EventKind.POSITION_CLOSED,
    "staked": EventKind.FIXED_OPENED,
    "entered": EventKind.FIXED_ENTERED,
    "settled": EventKind.FIXED_SETTLED,
}
JUDGEMENTS = {
    "warned": EventKind.SEAT_WARNED,
    "disqualified": EventKind.SEAT_DISQUALIFIED,
    "locked": EventKind.SEAT_LOCKED,
    "finished": EventKind.MATCH_FINISHED,
}


class Scenario:
    """One file, being played."""

    def __init__(self, arena: Arena, path: Path) -> None:
        self.arena, self.path, self.line, self.number = arena, path, "", 0
        arena.define(FINE)
        self.players: dict[str, Player] = {}
        self.names: dict[str, int] = {}
        self.contest = 0

    def play(self) -> None:
        self.events: list[dict[str, Any]] = []
        for number, text in enumerate(self.path.read_text().splitlines(), start=1):
            self.number = number
            line = text.split("#")[0].rstrip()
            if not line:
                continue
            if line[0].isspace():
                self.expect_event(line.split())
                continue
            self.nothing_is_left()
            self.line = line
            command, _, reply = (part.strip() for part in line.partition("=>"))
            try:
                self.do(command.split(), reply.split())
            except AssertionError as error:
                self.fail(f"it was not to be, but: {error}")
        self.nothing_is_left()

    def fail(self, problem: str) -> NoReturn:
        pytest.fail(f"{self.path.name}:{self.number}: {problem}\n    {self.line}", pytrace=False)

    def do(self, words: list[str], reply: list[str]) -> None:
        first, *rest = words
        symbols = self.arena.instruments
        self.told = first in ("wait", "set", "hours", "switch", "settle") or first in symbols
        if first == "player":
            name, *rules = rest
            if rules == ["in", "contest"]:
                self.players[name] = self.arena.contestant(self.contest)
            else:
                self.players[name] = self.arena.player(**rules_of(rules))
            self.events = []
        elif first == "contest":
            self.contest = self.arena.contest(int(rest[0]), **rules_of(rest[1:]))
        elif first == "wait":
            self.arena.passes(rest[0])
            self.events = self.trades()
        elif first == "set":
            self.arena.change(rest[0], **{key: SWITCH[value] if value in SWITCH else int(value)
                                          for key, value in fields_of(rest[1:]).items()})  # fmt: skip
            self.events = self.trades()
        elif first == "hours":
            symbol, *words = rest
            zone = words[1] if words[0] == "in" else ""
            words = words[2:] if zone else words
            windows = "" if words == ["always"] else " ".join(words)
            self.arena.change(symbol, hours=parse_hours(filter(None, windows.split(", "))), zone=zone)
            self.events = self.trades()
        elif first == "zone":
            self.arena.command(DefineZone(rest[0], moments_of(rest[0])))
            self.events = []
        elif first == "switch":
            self.arena.switch(*self.reach(rest[0]), rest[1], SWITCH[rest[2]])
            self.events = self.trades()
        elif first == "settle":
            self.settle(rest[0], rest[1], reply)
        elif first in symbols and reply[:1] == ["refused"]:
            with self.arena.refuses(Reason[reply[1]]):
                self.arena.quote(first, *rest)
            self.events = []
        elif first in symbols:
            self.arena.quote(first, *rest)
            self.events = self.trades()
        elif first in self.players and rest[0] == "has":
            self.look(self.players[first], fields_of(rest[1:]))
        elif first in self.players:
            self.command(self.players[first], rest, reply)
        else:
            self.fail(f"what is {first!r}?")

    def settle(self, symbol: str, price: str, reply: list[str]) -> None:
        command = SettleInstrument(self.arena.instruments[symbol][0], self.arena.ticks(symbol, price), "a scenario")
        if reply[:1] == ["refused"]:
            with self.arena.refuses(Reason[reply[1]]):
                self.arena.command(command)
            self.events = []
            return
        self.arena.command(command)
        self.events = self.trades()

    def reach(self, name: str) -> tuple[str, int]:
        """Scope and id of a kill switch."""
        if name == "arena":
            return "arena", 0
        if name in self.arena.instruments:
            return "instrument", self.arena.instruments[name][0]
        player = self.players[name.removesuffix(".match")]
        return ("player", player.id) if name in self.players else ("match", player.match)

    def command(self, player: Player, words: list[str], reply: list[str]) -> None:
        if "as" in words:
            at = words.index("as")
            words, name = words[:at], words[at + 1]
        else:
            name = ""
        if reply[:1] == ["refused"]:
            with self.arena.refuses(Reason[reply[1]]):
                self.ask(player, words)
            self.events = []
            return
        self.ask(player, words)
        self.events = self.trades()
        outcome = self.arena.outcome
        assert outcome is not None
        if name:
            self.names[name] = outcome.id
        if reply:
            status, *fields = reply
            if outcome.status is not OrderStatus[status.upper()]:
                self.fail(f"the reply is {outcome.status.name.lower()}")
            self.compare("the reply", outcome, fields_of(fields))

    def ask(self, player: Player, words: list[str]) -> None:
        verb, *rest = words
        if verb in SIDES:
            details: dict[str, Any] = fields_of(rest[1:])
            details["leverage"] = int(details.get("leverage", 1))
            details["ioc"] = "ioc" in details
            details["max_slippage_ppm"] = int(details.get("max_slippage_ppm", 0))
            if "limit" in details:
                player.limit(rest[0], SIDES[verb], details.pop("limit"), **details)
            elif "stop" in details:
                player.stop(rest[0], SIDES[verb], details.pop("stop"), **details)
            else:
                player.opens(rest[0], SIDES[verb], **details)
        elif verb in DIRECTIONS:
            fields = fields_of(rest[1:])
            player.buys(rest[0], DIRECTIONS[verb], fields["stake"], int(fields["for"]))
        elif verb == "closes":
            fields = fields_of(rest[1:])
            player.closes(self.id(rest[0]), percent=int(fields.get("percent", 0)), quantity=fields.get("quantity", 0))
        elif verb == "amends":
            player.amends(self.id(rest[0]), **fields_of(rest[1:]))
        elif verb == "moves":
            player.moves(self.id(rest[0]), **fields_of(rest[1:]))
        elif verb == "cancels" and rest[0] == "all":
            player.cancels_all()
        elif verb == "cancels":
            player.cancels(self.id(rest[0]))
        elif verb == "resets":
            player.resets()
        elif verb == "may":
            player.may_be_away(int(rest[-1]))
        elif verb in ("leaves", "returns"):
            player.is_connected(verb == "returns")
        else:
            self.fail(f"what is {verb!r}?")

    def id(self, name: str) -> int:
        if name not in self.names:
            self.fail(f"nothing is named {name!r}: say `as {name}` where it is ordered")
        return self.names[name]

    def look(self, player: Player, expected: dict[str, str]) -> None:
        for field, value in expected.items():
            found = getattr(player, field)
            found = len(found) if isinstance(found, list) else found
            if found != Decimal(value):
                self.fail(f"{field} is {found}, not {value}")

    def trades(self) -> list[dict[str, Any]]:
        """What the last command did to orders, positions and seats."""
        kinds = {*EVENTS.values(), *JUDGEMENTS.values()}
        return [event for event in self.arena.events if event["kind"] in kinds and event["player"]]

    def expect_event(self, words: list[str]) -> None:
        if words[0] != ">" or len(words) < 4:
            self.fail("an event is written `> player name what ...`")
        if not self.events:
            self.fail("no such event came")
        if words[2] in JUDGEMENTS:
            self.expect_judgement(words[1], words[2], words[3], fields_of(words[4:]))
            return
        _, player, name, what, *rest = words
        self.told = True
        raw = self.events.pop(0)
        if raw["kind"] in JUDGEMENTS.values():
            self.fail(f"{self.describe_any(raw)} came")
        event, owner = self.arena._happened(raw), raw["player"]
        came = f"{self.describe(owner, event)} came"
        if (owner, event.id, event.kind) != (self.players[player].id, self.id(name), EVENTS[what]):
            self.fail(came)
        if rest and "=" not in rest[0]:
            said = rest.pop(0)
            if said not in (event.word, event.reason.name):
                self.fail(came)
        self.compare(came, event, fields_of(rest))

    def expect_judgement(self, player: str, what: str, said: str, expected: dict[str, str]) -> None:
        self.told = True
        event = self.events.pop(0)
        came = f"{self.describe_any(event)} came"
        if (event["player"], event["kind"]) != (self.players[player].id, JUDGEMENTS[what]):
            self.fail(came)
        if said != self.said(event):
            self.fail(came)
        for field, value in expected.items():
            if dollars(event[field]) != Decimal(value):
                self.fail(f"{came} with {field}={dollars(event[field])}, not {value}")

    def nothing_is_left(self) -> None:
        if self.events and self.told:
            self.fail(f"{self.describe_any(self.events[0])} came too, and is not written here")

    def describe_any(self, event: dict[str, Any]) -> str:
        if event["kind"] not in JUDGEMENTS.values():
            return self.describe(event["player"], self.arena._happened(event))
        player = next((name for name, player in self.players.items() if player.id == event["player"]), event["player"])
        what = next(word for word, kind in JUDGEMENTS.items() if kind == event["kind"])
        shown = [key for key in ("equity", "level", "balance", "prize") if key in event]
        figures = " ".join(f"{key}={dollars(event[key])}" for key in shown)
        return f"`{player} {what} {self.said(event)} {figures}`"

    def said(self, event: dict[str, Any]) -> str:
        """What a judgement says before its figures: the rank, the percent of a warning, or the rule."""
        return str(event.get("rank") or event["percent"] or Rule(event["rule"]).name.lower())

    def compare(self, what: str, found: Any, expected: dict[str, str]) -> None:
        for field, value in expected.items():
            if getattr(found, field) != Decimal(value):
                self.fail(f"{what} with {field}={getattr(found, field)}, not {value}")

    def describe(self, owner: int, event: Happened | HappenedFixed) -> str:
        player = next((name for name, player in self.players.items() if player.id == owner), owner)
        name = next((name for name, id in self.names.items() if id == event.id), event.id)
        what = next(word for word, kind in EVENTS.items() if kind == event.kind)
        return f"`{player} {name} {what} {event.word}".rstrip() + "`"


def fields_of(words: list[str]) -> dict[str, str]:
    """`a=1 b` is {"a": "1", "b": "1"}."""
    return {key: value or "1" for key, _, value in (word.partition("=") for word in words)}


def rules_of(words: list[str]) -> dict[str, Any]:
    """The rules of a game, as Arena.match takes them."""
    read: dict[str, Callable[[str], Any]] = {
        "fees": bool, "next": lambda _: Execution.NEXT, "loss_disqualifies": bool,
        "target_ends": bool, "allow_hedging": SWITCH.__getitem__, "entry_fee": money, "reward_price": money,
        "prize_split": lambda shares: tuple(int(share) for share in shares.split("/")),
        "total_drawdown": lambda name: TotalDrawdown[name.upper()], "daily_anchor": lambda name: Anchor[name.upper()],
        "day_zone": str,
    }  # fmt: skip
    return {"execution" if key == "next" else key: read.get(key, int)(value) for key, value in fields_of(words).items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_scenario_plays_out_as_written(arena: Arena, path: Path) -> None:
    Scenario(arena, path).play()


@pytest.mark.parametrize(("text", "problem"), [
    ("player ann\nFINEUSDT 99.9 100\nann long FINEUSDT quantity=1 leverage=20 => accepted", "the reply is filled"),
    ("player ann\nFINEUSDT 99.9 100\nann long FINEUSDT quantity=1 leverage=20 => filled price=99", "price=100"),
    ("player ann\nFINEUSDT 99.9 100\nann long FINEUSDT quantity=1 leverage=20 as p\nFINEUSDT 95 95.1",
     "`ann p closed liquidation` came too"),
    ("player ann\nFINEUSDT 99.9 100\nann long FINEUSDT quantity=1 leverage=20 as p\nFINEUSDT 98 98.1\n  > ann p closed",
     "no such event came"),
    ("player ann\nFINEUSDT 99.9 100\nann long FINEUSDT quantity=1 leverage=20 as p\nFINEUSDT 95 95.1\n"
     "  > ann p closed stop_loss", "`ann p closed liquidation` came"),
    ("player ann cash=5\nann has cash=6", "cash is 5"),
    ("player ann\nbob has cash=6", "what is 'bob'?"),
    ("player ann\nann closes p", "nothing is named 'p'"),
])  # fmt: skip
def test_a_scenario_that_is_wrong_says_where(arena: Arena, tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text(text)
    with pytest.raises(pytest.fail.Exception) as failed:
        Scenario(arena, path).play()
    assert problem in str(failed.value)
    assert f"wrong.txt:{len(text.splitlines())}" in str(failed.value)
