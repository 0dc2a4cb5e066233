"""What people ask of a gateway: questions about records, lanes and connections, answered from the database."""
