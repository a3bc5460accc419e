"""The ledger of real money and items: double entry, integers, one balance per account and asset.

accounts.py         account ids; finding and opening accounts
balances.py         available balances; transfers that are posted at once
holds.py            two-phase transfers: place, post, void, expire
transfer_ids.py     remembered transfer ids, so that a repeated command changes nothing
transfers.py        transfer commands and linked chains of them
payments.py         payments made by cold handlers
payment_kernels.py  compiled payments: between two accounts, to many players, referral bonuses
funding.py          top-ups and grants: money that enters from the world account
"""
