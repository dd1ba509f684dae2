"""The traces that mistakes leave in the numbers, whatever the operation: each module's ``find`` reads one kind of them."""
