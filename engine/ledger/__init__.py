"""Real money: accounts, transfers, holds, payments."""
