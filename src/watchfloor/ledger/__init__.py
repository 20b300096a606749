"""The one record: append-only, chained, in a Merkle tree, signed from outside the database (spec 04)."""
