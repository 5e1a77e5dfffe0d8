"""A threaded HTTP server on loopback with a menu of faults: what simulators and the conformance kit stand on."""
