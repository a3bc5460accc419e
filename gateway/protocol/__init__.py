"""What clients and the server say to each other: arguments, answers, messages, errors, and their encodings."""
