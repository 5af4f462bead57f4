"""What must not be stored as it came: personal data, labels without bound (docs/guards.md)."""
