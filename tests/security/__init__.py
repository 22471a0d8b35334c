"""Tests of what SECURITY.md says; a package so that its modules may be called like those beside it."""
