"""Messages to those who are subscribed: fan-out, what goes out by the clock, who watches which match."""
