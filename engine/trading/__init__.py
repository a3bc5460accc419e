"""Trading: instruments, quotes, orders, positions, fixed-time trades, and the rules on a seat's equity."""
