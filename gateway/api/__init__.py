"""What the gateway tells over HTTP and to the command line."""
