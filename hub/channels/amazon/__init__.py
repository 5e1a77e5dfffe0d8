"""Amazon: Selling Partner API through python-amazon-sp-api. Read `adapter.py` first, then the twins beside it."""
