"""Two backends for mnc: one that changes a kernel of another backend, and one of its own."""
