"""What real money and items are for: prizes, referrals, the store."""

from __future__ import annotations

import numpy as np

from engine.invariants.rows import PENDING, accounts_of, first_rows, rules_of, where
from engine.model.commands import Account, Asset, of_players
from engine.model.state import State
from engine.model.tables import MATCH_OPEN, MATCH_WAITING


def escrows_hold_what_their_matches_owe(state: State) -> list[str]:
    """A match that is not over has the entry fees of all its seats, and one that is over nothing."""
    book = state.book
    accounts = accounts_of(book)
    escrows = accounts[accounts["id"] >> 8 & 0xFF == Account.MATCH_ESCROW]
    balances = escrows["credits_posted"] - escrows["debits_posted"]
    has = dict(zip(escrows["id"].tolist(), balances.tolist(), strict=True))
    matches = first_rows(book.matches, book.world["matches"][0])
    found = []
    for id in np.flatnonzero(matches["asset"]).tolist():
        match = matches[id]
        running = match["status"] in (MATCH_WAITING, MATCH_OPEN)
        owes = rules_of(state, id).entry_fee * int(match["seats"]) if running else 0
        escrow = id << 16 | Account.MATCH_ESCROW << 8 | int(match["asset"])
        if has.get(escrow) != owes:
            found.append(f"the escrow of match {id} has {has.get(escrow)} and owes {owes}")
        if bool(match["reward_hold"]) and not running:
            found.append(f"match {id} is over, and its reward is still set aside")
    return found


def items_are_set_aside_for_winners(state: State) -> list[str]:
    """The house holds the items that the winner of a match gets until it is over, and then the escrow has none."""
    book, accounts = state.book, accounts_of(state.book)
    matches = first_rows(book.matches, book.world["matches"][0])
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
            found.append(f"of items for the winner of match {id}, {held} are held, not {promised}")
    items = [asset for asset in Asset if of_players(asset) is Account.PLAYER_ITEMS]
    escrows = accounts[(accounts["id"] >> 8 & 0xFF == Account.MATCH_ESCROW) & np.isin(accounts["id"] & 0xFF, items)]
    kept = escrows["credits_posted"] != escrows["debits_posted"]
    return [*found, *where(kept, "escrow {} has kept items", escrows["id"])]


def referrals_are_paid_once(state: State) -> list[str]:
    """Who was referred, was by somebody who was there before. What has left the house's account for referrals are the
    bonuses that are remembered, one for a player at most."""
    cold, accounts = state.cold, accounts_of(state.book)
    referred: dict[int, list[int]] = {}
    for id in sorted(cold.players):
        if referrer := cold.players[id].referrer:
            referred.setdefault(referrer, []).append(id)
    found = [f"player {player} was referred by {by}, who came later"
             for by, players in referred.items() for player in players if not 0 < by < player]  # fmt: skip
    if referred != cold.referred:
        found.append("those whom players have referred are not those who were referred")
    paid = dict.fromkeys((int(asset) for asset in Asset), 0)
    for player, bonus in cold.bonuses.items():
        if not cold.players[player].referrer or min(bonus.referrer, bonus.referred) < 0:
            found.append(f"the bonus for player {player} cannot be")
        paid[bonus.asset] += bonus.referrer + bonus.referred
    houses = accounts[accounts["id"] >> 8 & 0xFF == Account.HOUSE_REFERRALS]
    left = dict(zip((houses["id"] & 0xFF).tolist(), houses["debits_posted"].tolist(), strict=True))
    found += [f"bonuses of {amount} {Asset(asset).name} were paid, and {left.get(asset, 0)} has left the account"
              for asset, amount in paid.items() if left.get(asset, 0) != amount]  # fmt: skip
    return found


def the_store_sells_items_for_live_money(state: State) -> list[str]:
    """An offer has a price, in what is in players' cash, and is of an item. The store has items, and what was paid for
    them: never demo money."""
    accounts = accounts_of(state.book)
    stores = accounts[accounts["id"] >> 8 & 0xFF == Account.HOUSE_STORE]
    found = where(stores["id"] & 0xFF == Asset.DEMO, "the store has demo money in account {}", stores["id"])
    for item, offer in state.cold.offers.items():
        what = of_players(Asset(item)), of_players(Asset[offer.asset])
        if what != (Account.PLAYER_ITEMS, Account.PLAYER_CASH) or Asset[offer.item] != item or not offer.price > 0:
            found.append(f"the offer of {offer.item} cannot be")
    return found
