"""The database: engine, transactions, dialect differences, and the joined schema."""
