"""The durable spine: accounts, wanted work with revisions, leases, attempts, cursors, cadence and budgets."""
