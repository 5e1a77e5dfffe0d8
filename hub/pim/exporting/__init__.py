"""Products as files: the hub's own layout, which brings everything back, and those of other systems."""
