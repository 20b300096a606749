"""Chats of people with an agent, messages between agents, channels (spec 2.2, 2.6)."""
