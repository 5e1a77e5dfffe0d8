"""How products are ordered and where they stand: categories, brands, tags, relations, states, stock classes."""
