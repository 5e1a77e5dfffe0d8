"""The demo shop and its rehearsals: three simulated marketplaces, one pool of stock."""
