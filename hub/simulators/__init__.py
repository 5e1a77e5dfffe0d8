"""Amazon, eBay and Shopify on loopback, speaking the real wire: written from the published contracts alone."""
