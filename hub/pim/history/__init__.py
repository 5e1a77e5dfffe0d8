"""Who changed what, from what to what, why and when: one hash-chained row per subject and unit of work."""
