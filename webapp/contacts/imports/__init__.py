"""Files of contacts: taken in, columns chosen, checked, imported, and undone."""
