"""What the arena tells people outside of it.

letters.py    what is written, by event
outbox.py     letters that wait to be sent: bounded, tried again, never waited for
mail.py       how they go: by SMTP, or to the console in development
"""
