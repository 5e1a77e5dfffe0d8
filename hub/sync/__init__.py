"""When and how often: flows that alternate unit, call, unit; the pure policy; relay, workers and scheduler."""
