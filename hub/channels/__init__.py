"""How the hub talks to the outside: the contract, the wire, and one package per channel."""
