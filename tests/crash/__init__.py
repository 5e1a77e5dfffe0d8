"""Crash tests: hubs that are killed, frozen or robbed of their broker, and what is there at rest."""
