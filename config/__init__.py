"""What an operator sets: environment, and the data files bundled beside this module."""
