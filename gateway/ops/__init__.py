"""Every op: the table of them, a file per noun, and the session that serves one client."""
