"""Kills the program at every durable step, starts it again, and has the demo's judge say what became of it."""
