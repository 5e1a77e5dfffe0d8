"""The demo's goods, as data: a wine shop that does not exist."""
