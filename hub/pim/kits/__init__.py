"""Kits: variants that are made of other variants and have no stock of their own. Components may be kits themselves."""
