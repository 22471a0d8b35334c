"""The tap into real targets from PyPI, read back with SQL and compared with what Jira answers: `make targets`."""
