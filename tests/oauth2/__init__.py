"""Tests of OAuth 2.0."""
