"""Master records: products, variants, locations, the stock ledger, reservations and listings."""
