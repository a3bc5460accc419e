"""Real money and items: escrows, item rewards, referral bonuses, offers."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import PENDING, accounts_of, report, rows_up_to, rules_of_match
from engine.model.commands import Account, Asset, of_players
from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING


def escrows_match_entry_fees(state: State) -> list[str]:
    """The escrow of a match has the entry fees of all its seats until it is over, then nothing."""
    book = state.book
    accounts = accounts_of(book)
    escrows = accounts[accounts["id"] >> 8 & 0xFF == Account.MATCH_ESCROW]
    balances = escrows["credits_posted"] - escrows["debits_posted"]
    has = dict(zip(escrows["id"].tolist(), balances.tolist(), strict=True))
    matches = rows_up_to(book.matches, book.world["matches"][0])
    found = []
    for id in np.flatnonzero(matches["asset"]).tolist():
        match = matches[id]
        running = match["status"] in (MATCH_WAITING, MATCH_OPEN)
        owes = rules_of_match(state, id).entry_fee * int(match["seats"]) if running else 0
        escrow = id << 16 | Account.MATCH_ESCROW << 8 | int(match["asset"])
        if has.get(escrow) != owes:
            found.append(f"the escrow of match {id} has {has.get(escrow)} and owes {owes}")
        if bool(match["reward_hold"]) and not running:
            found.append(f"match {id} is over and still has a reserve")
    return found


def item_rewards_are_held(state: State) -> list[str]:
    """The items for the winner of a match are held until it is over; its escrow never keeps any."""
    book, accounts = state.book, accounts_of(state.book)
    matches = rows_up_to(book.matches, book.world["matches"][0])
    promising = {
        (game, version): rules.item_rewards
        for game, made in state.cold.games.items()
        for version, rules in enumerate(made.versions, 1)
        if rules.item_rewards
    }
    found = []
    pinned = list(zip(matches["game"].tolist(), matches["game_version"].tolist(), strict=True))
    holding = np.flatnonzero(matches["item_holds"].any(axis=1)).tolist()
    for id in sorted({*holding, *(id for id, game_version in enumerate(pinned) if game_version in promising)}):
        match = matches[id]
        running = match["status"] in (MATCH_WAITING, MATCH_OPEN) and not match["practice"]
        promised = [
            (PENDING, id << 16 | Account.MATCH_ESCROW << 8 | Asset[item], count)
            for item, count in (promising.get(pinned[id], ()) if running else ())
        ]
        holds = [book.holds[row] for row in match["item_holds"].tolist() if row]
        held = [(int(hold["status"]), int(hold["credit"]), int(hold["amount"])) for hold in holds]
        if held != promised:
            found.append(f"item holds of match {id} are {held}, not {promised}")
    items = [asset for asset in Asset if of_players(asset) is Account.PLAYER_ITEMS]
    escrows = accounts[(accounts["id"] >> 8 & 0xFF == Account.MATCH_ESCROW) & np.isin(accounts["id"] & 0xFF, items)]
    kept = escrows["credits_posted"] != escrows["debits_posted"]
    return [*found, *report(kept, "escrow {} has kept items", escrows["id"])]


def referral_bonuses_are_paid_once(state: State) -> list[str]:
    """A referrer was registered before the player. Debits of the house's referrals account equal the recorded bonuses,
    at most one per player."""
    cold, accounts = state.cold, accounts_of(state.book)
    referred: dict[int, list[int]] = {}
    for id in sorted(cold.players):
        if referrer := cold.players[id].referrer:
            referred.setdefault(referrer, []).append(id)
    found = [f"player {player} was referred by {by}, who came later"
             for by, players in referred.items() for player in players if not 0 < by < player]  # fmt: skip
    if referred != cold.referred:
        found.append("cold.referred does not match the referrers of the players")
    paid = dict.fromkeys((int(asset) for asset in Asset), 0)
    for player, bonus in cold.bonuses.items():
        if not cold.players[player].referrer or min(bonus.referrer, bonus.referred) < 0:
            found.append(f"the bonus of player {player} is invalid")
        paid[bonus.asset] += bonus.referrer + bonus.referred
    for referrer, count in cold.bonuses_of_day.items():
        if not 0 < count <= sum(player in cold.bonuses for player in cold.referred.get(referrer, ())):
            found.append(f"referrer {referrer} did not have {count} bonuses in a day")
    houses = accounts[accounts["id"] >> 8 & 0xFF == Account.HOUSE_REFERRALS]
    left = dict(zip((houses["id"] & 0xFF).tolist(), houses["debits_posted"].tolist(), strict=True))
    found += [f"bonuses of {amount} {Asset(asset).name} are recorded, debits are {left.get(asset, 0)}"
              for asset, amount in paid.items() if left.get(asset, 0) != amount]  # fmt: skip
    return found


def offers_are_valid(state: State) -> list[str]:
    """An offer sells an item at a positive price in a live asset. The shop's accounts have no demo money."""
    accounts = accounts_of(state.book)
    stores = accounts[accounts["id"] >> 8 & 0xFF == Account.HOUSE_STORE]
    found = report(stores["id"] & 0xFF == Asset.DEMO, "the store has demo money in account {}", stores["id"])
    for item, offer in state.cold.offers.items():
        what = of_players(Asset(item)), of_players(Asset[offer.asset])
        if what != (Account.PLAYER_ITEMS, Account.PLAYER_CASH) or Asset[offer.item] != item or not offer.price > 0:
            found.append(f"the offer of {offer.item} is invalid")
    return found
