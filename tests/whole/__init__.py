"""The whole system under fire: real workers, a real broker, a real database, people who edit, and one judge."""
