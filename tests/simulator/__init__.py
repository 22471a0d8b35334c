"""Tests of the simulated Jira; a package so that its modules may be called like those beside it."""
