"""How digests reach chats: rounds are planned into the outbox, and lanes empty it within each platform's limits."""
