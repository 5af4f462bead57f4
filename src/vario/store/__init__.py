"""The only room that knows ClickHouse, embedded (chDB) or as a server or cluster."""
