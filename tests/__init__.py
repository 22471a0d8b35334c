"""The tap's tests."""
