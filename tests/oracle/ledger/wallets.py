"""Commands about real money; who pays whom is in money.py."""

from __future__ import annotations

from engine.model.commands import Account, FundRewards, TopUp, TransferCode
from engine.model.reasons import Reason
from tests.harness.records import Transfer
from tests.oracle.ledger.money import PURSES
from tests.oracle.state import Oracle, Outcome, refuse_if


def top_up(oracle: Oracle, command: TopUp) -> Outcome:
    refuse_if(not 1 <= command.player <= len(oracle.players), Reason.PLAYER_NOT_FOUND)
    refuse_if(command.asset not in PURSES, Reason.ASSET_UNKNOWN)
    entering = command.player, PURSES[command.asset], command.asset, command.amount
    refuse_if(0 < command.most < oracle.money.got(*entering[:3]) + command.amount, Reason.TOP_UP_LIMIT)
    refuse_if(not oracle.money.may_enter(*entering), Reason.AMOUNT_INVALID)
    oracle.money.enter(*entering, TransferCode.TOP_UP)
    return {"id": command.player}


def fund_rewards(oracle: Oracle, command: FundRewards) -> None:
    refuse_if(command.asset not in PURSES, Reason.ASSET_UNKNOWN)
    entering = 0, Account.HOUSE_REWARDS, command.asset, command.amount
    refuse_if(not oracle.money.may_enter(*entering), Reason.AMOUNT_INVALID)
    oracle.money.enter(*entering, TransferCode.FUNDING)


def transfer(oracle: Oracle, command: Transfer) -> Outcome:
    """Nothing comes between the transfers of a chain, so all are answered with the first."""
    if not oracle.answers:
        oracle.answers = oracle.ledger.apply_chain(oracle.ledger.chain(oracle.ahead), oracle.sequence)
    return {name: int(value) for name, value in oracle.answers.pop(0)._asdict().items()}
