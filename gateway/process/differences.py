"""How the configuration differs from an arena that there is already, and the commands that would apply it.

An empty arena is made of the configuration (seed.py); from then on the log is the truth, and what is edited in the file
changes nothing by itself. What only the arena has is no difference: operators add instruments and games while it runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from msgspec.structs import asdict, replace

from engine.batch.machine import Machine
from engine.model.commands import (
    Asset,
    Batch,
    ColdCommand,
    CreateGame,
    CreateMatch,
    DefineInstrument,
    SetOffer,
    SetReferrals,
    UpdateGame,
    encode_cold,
)
from engine.model.reasons import MESSAGES, Reason
from engine.model.scale import NS_PER_MS
from engine.model.state import Game, State, encode_cold_state, sections, state_from
from gateway.core.clock import Clock, check_wall_clock
from gateway.core.config import Config
from gateway.core.defaults import GameSeed
from gateway.core.records import cold_record, outcomes_of, records_of, with_blob
from gateway.presenters.decimals import asset_text, money_text, percent_text
from gateway.presenters.games import game_answer
from gateway.presenters.hours import hours_texts
from gateway.presenters.instruments import Instrument
from gateway.presenters.specs import (
    SpecError,
    create_game_of,
    define_instrument_of,
    define_zones_of,
    set_offer_of,
    set_referrals_of,
)
from gateway.protocol.market import InstrumentSpec
from gateway.protocol.shop import OfferSpec, ReferralTerms
from persistence.recovery import recover

log = structlog.get_logger()

SWITCHES: Final = ("enabled", "locked", "halted", "close_only")
"""Those of an instrument's data that no configuration says."""

NOT_THERE: Final = "not there yet"


class Difference(NamedTuple):
    """Something that the configuration says otherwise than the arena has it."""

    of: str  # such as "instrument BTCUSDT"
    changes: list[str]  # such as "max_leverage: 125 -> 100"
    commands: list[ColdCommand]  # that make it as the configuration says


def differences(state: State, config: Config) -> Iterator[Difference]:
    """What is to be changed, in the order in which it can be. Raises SpecError."""
    yield from _of_zones(state, config)
    yield from _of_instruments(state, config.instruments)
    yield from _of_games(state, config.games)
    yield from _of_referrals(state, config.referrals)
    yield from _of_offers(state, config.offers)


def warn_of_differences(state: State, config: Config) -> None:
    """Warn of what the configuration says otherwise than the arena that there is: it changes nothing by itself."""
    try:
        for found in differences(state, config):
            changes = "; ".join(found.changes)
            log.warning("not as configured", of=found.of, changes=changes, to_apply="arena config apply")
    except SpecError as error:
        log.warning("the configuration cannot be applied", problem=str(error))


def apply_config(directory: Path, config: Config, *, dry_run: bool) -> list[Difference]:
    """Make the arena of a folder that nobody serves as the configuration says: all of it, or nothing. Returns what is,
    or would be, changed.

    Raises SpecError, also when the engine would refuse it; ClockRefused; and what `recover` raises.
    """
    recovered = recover(directory)
    try:
        state = recovered.machine.state
        found = list(differences(state, config))
        if not found:
            return found
        now_ns = int(state.book.world[0]["now_ns"])
        if not config.data.accept_clock:
            check_wall_clock(now_ns, time.time_ns(), config.data.clock_behind_s, config.data.clock_ahead_s)
        at_ns = Clock(max(recovered.log.last_at_ns, now_ns)).stamp_ns()
        batch = _batch_of(recovered.log.last_sequence + 1, at_ns, found)
        _try(state, batch, found)
        if not dry_run:
            recovered.log.append(batch)
        return found
    finally:
        recovered.close()


def _of_zones(state: State, config: Config) -> Iterator[Difference]:
    """Those that are not there yet: the moments of others are brought up to date when the arena starts."""
    names = [*(spec.zone for spec in config.instruments), *(seed.day_zone for seed in config.games)]
    there = {zone.name for zone in state.cold.zones.values()}
    for command in define_zones_of(names):
        if command.name not in there:
            yield Difference(f"zone {command.name}", [NOT_THERE], [command])


def _of_instruments(state: State, specs: Iterable[InstrumentSpec]) -> Iterator[Difference]:
    known = {data.symbol: data for data in state.cold.instruments.values()}
    for spec in specs:
        wanted, current = define_instrument_of(spec), known.get(spec.symbol)
        if current is not None:
            wanted = replace(wanted, **{switch: getattr(current, switch) for switch in SWITCHES})
        if wanted != current:
            changes = _changes(_shown_instrument(current) if current else None, _shown_instrument(wanted))
            yield Difference(f"instrument {spec.symbol}", changes, [wanted])


def _of_games(state: State, seeds: Iterable[GameSeed]) -> Iterator[Difference]:
    """Games are told apart by their titles; of several with one title the first is meant, then the second."""
    there: dict[str, list[tuple[int, Game]]] = {}
    for id, game in state.cold.games.items():
        if not game.deleted:
            there.setdefault(game.rules.title, []).append((id, game))
    next_id = int(state.book.world[0]["games"]) + 1
    for seed in seeds:
        wanted = create_game_of(seed)
        known = there.get(seed.title)
        if not known:
            commands: list[ColdCommand] = [wanted]
            if seed.practice:
                commands.append(CreateMatch(game=next_id, practice=True))
            next_id += 1
            yield Difference(f"game {seed.title!r}", [NOT_THERE], commands)
            continue
        id, game = known.pop(0)
        if wanted != game.rules:
            changes = _changes(_shown_game(game.rules), _shown_game(wanted))
            yield Difference(f"game {seed.title!r}", changes, [UpdateGame(id, wanted)])


def _of_referrals(state: State, terms: ReferralTerms) -> Iterator[Difference]:
    wanted, current = set_referrals_of(terms), state.cold.referrals
    if wanted != current:
        changes = _changes(_shown_referrals(current) if current else None, _shown_referrals(wanted))
        yield Difference("referrals", changes, [wanted])


def _of_offers(state: State, specs: Iterable[OfferSpec]) -> Iterator[Difference]:
    for spec in specs:
        wanted, current = set_offer_of(spec), state.cold.offers.get(Asset[spec.item].value)
        if wanted != current:
            changes = _changes(_shown_offer(current) if current else None, _shown_offer(wanted))
            yield Difference(f"offer {spec.item}", changes, [wanted])


# By the keys of config.toml, and in its units


def _shown_instrument(data: DefineInstrument) -> dict[str, Any]:
    instrument = Instrument(0, data)
    shown = asdict(data)
    for field in (*SWITCHES, "tick_units", "lot_units", "min_lots", "max_lots", "quote_lifetime_ns"):
        del shown[field]
    brackets = [
        f"{each.maintenance_ppm} ppm and {each.max_leverage}x up to {money_text(each.notional_cap)}"
        for each in data.brackets
    ]
    return shown | {
        "tick_size": instrument.price_text(1),
        "lot_size": instrument.quantity_text(1),
        "min_quantity": instrument.quantity_text(data.min_lots),
        "max_quantity": instrument.quantity_text(data.max_lots),
        "min_notional": money_text(data.min_notional),
        "highest_price": instrument.price_text(data.highest_price),
        "quote_lifetime_ms": data.quote_lifetime_ns // NS_PER_MS,
        "brackets": brackets,
        "hours": hours_texts(data.hours),
        "fixed_min_stake": money_text(data.fixed_min_stake),
        "fixed_max_stake": money_text(data.fixed_max_stake),
        "fixed_exposure_cap": money_text(data.fixed_exposure_cap),
    }


def _shown_game(rules: CreateGame) -> dict[str, Any]:
    return asdict(game_answer(0, Game([rules])))


def _shown_referrals(terms: SetReferrals) -> dict[str, Any]:
    asset = Asset[terms.asset]
    bonuses = {key: asset_text(getattr(terms, key), asset) for key in ("referrer_bonus", "referred_bonus")}
    limits = {"min_house_fee_pct": percent_text(terms.min_house_fee_ppm), "most_per_day": terms.most_per_day}
    return {"asset": terms.asset, "at": terms.at.value} | bonuses | limits


def _shown_offer(offer: SetOffer) -> dict[str, Any]:
    return asdict(offer) | {"price": asset_text(offer.price, Asset[offer.asset])}


def _changes(current: dict[str, Any] | None, wanted: dict[str, Any]) -> list[str]:
    if current is None:
        return [NOT_THERE]
    return [f"{key}: {_text(current[key])} -> {_text(value)}" for key, value in wanted.items() if current[key] != value]


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# Applying


def _batch_of(first_sequence: int, at_ns: int, found: list[Difference]) -> Batch:
    blobs = [encode_cold(command) for difference in found for command in difference.commands]
    records, offset = [], 0
    for blob in blobs:
        records.append(with_blob(cold_record(), len(blob), offset))
        offset += len(blob)
    return Batch(first_sequence, at_ns, records_of(b"".join(records)), b"".join(blobs))


def _try(state: State, batch: Batch, found: list[Difference]) -> None:
    """Apply the batch to a copy of the state. Raises SpecError when the engine refuses a command."""
    copy = state_from(sections(state), encode_cold_state(state.cold))
    outcomes = outcomes_of(Machine(copy).apply(batch).outcomes)
    owners = [difference.of for difference in found for _ in difference.commands]
    for of, outcome in zip(owners, outcomes, strict=True):
        reason = Reason(outcome.reason)
        if reason is not Reason.ACCEPTED:
            raise SpecError(f"{of}: the engine refuses it: {reason.name}, {MESSAGES[reason]}")
