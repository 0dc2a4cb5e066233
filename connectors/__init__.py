"""What a system is to the gateway: the contract, the REST client, one folder per system, and the sandbox."""
