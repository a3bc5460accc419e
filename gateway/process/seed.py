"""The commands that fill an empty arena with what is configured, once, when the log is empty; and those that tell any
arena at its start what is the configuration's alone to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog

from engine.model.commands import ColdCommand, CreateMatch, FundReferrals, SetKeyLimits, StockStore
from engine.model.state import State
from gateway.core.config import Limits
from gateway.core.defaults import GameSeed, OfferSeed, ReferralSeed
from gateway.presenters.specs import (
    SpecError,
    create_game_of,
    define_instrument_of,
    define_zones_of,
    native_units,
    set_offer_of,
    set_referrals_of,
)
from gateway.protocol.market import InstrumentSpec

log = structlog.get_logger()


def seed_commands(instruments: Iterable[InstrumentSpec], games: Iterable[GameSeed]) -> Iterator[ColdCommand]:
    """What creates them, in order: time zones, instruments, then games (ids count from 1), each with its practice
    match."""
    instruments, games = list(instruments), list(games)
    yield from define_zones_of([*(each.zone for each in instruments), *(each.day_zone for each in games)])
    symbols = set()
    for instrument in instruments:
        symbols.add(instrument.symbol)
        yield define_instrument_of(instrument)
    for game, seed in enumerate(games, start=1):
        for symbol in seed.allowed_symbols:
            if symbol not in symbols:
                raise SpecError(f"{seed.title}: allowed_symbols: there is no instrument {symbol}")
        yield create_game_of(seed)
        if seed.practice:
            yield CreateMatch(game=game, practice=True)


def house_commands(referrals: ReferralSeed, offers: Iterable[OfferSeed]) -> Iterator[ColdCommand]:
    """What sets up referrals and the shop. Raises SpecError."""
    yield set_referrals_of(referrals)
    funds = native_units("referrals", "funds", referrals.funds, referrals.asset)
    if funds:
        yield FundReferrals(referrals.asset, funds)
    for offer in offers:
        yield set_offer_of(offer)
        if offer.stock:
            yield StockStore(offer.item, offer.stock)


def told_commands(state: State, limits: Limits) -> list[ColdCommand]:
    """What the engine is to know of the configuration, and of zones whose data are newer than those in the log."""
    world = state.book.world[0]
    keys = SetKeyLimits(limits.keys_per_player, limits.keys_in_all)
    told = SetKeyLimits(int(world["keys_per_player"]), int(world["keys_in_all"]))
    commands: list[ColdCommand] = [keys] if keys != told else []
    for known in state.cold.zones.values():
        try:
            commands += [zone for zone in define_zones_of([known.name]) if zone != known]
        except SpecError as error:
            log.warning("a time zone keeps the moments that it has", error=str(error))
    return commands
