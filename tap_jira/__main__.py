"""Run the tap with ``python -m tap_jira``."""

from tap_jira.cli import run

if __name__ == "__main__":
    run()
