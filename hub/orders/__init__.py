"""Promises to buyers: intake of every channel's orders into one queue, fulfilment, cancellation."""
