"""Storage in PostgreSQL, for as many processes as there are; see ADR 0020. SQL is written in this package alone."""

from storage.postgres.migrating import Migration, migrate, read_migrations
from storage.postgres.storage import PostgresStorage

__all__ = ["Migration", "PostgresStorage", "migrate", "read_migrations"]
