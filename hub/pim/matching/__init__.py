"""The catalogue that channels have already: what they list, which of our variants it may be, and what people decided."""
