"""SQLAlchemy foundation: base, column types, sessions, upsert, locks. Knows no subject."""
