"""Handing orders to shipping software and taking tracking back."""
