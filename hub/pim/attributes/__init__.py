"""What can be said about products: typed attributes, families that ask for them, values per locale and channel."""
