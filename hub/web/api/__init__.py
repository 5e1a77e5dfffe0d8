"""The JSON API, version 1: one module per noun, all over the same operations as the page."""
