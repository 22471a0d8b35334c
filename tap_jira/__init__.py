"""Extract Jira data as Singer messages; the version, nothing else."""

__version__ = "0.1.0"
