"""A small Jira Data Center that lives in this process, for demonstrations, tests and benchmarks."""

from tap_jira.simulator.accounts import Account, Accounts
from tap_jira.simulator.churn import Churn
from tap_jira.simulator.credentials import Credentials, demo_credentials
from tap_jira.simulator.faults import Bucket, Fault, Faults
from tap_jira.simulator.fields import Caps
from tap_jira.simulator.people import UserLimits
from tap_jira.simulator.routes import Site
from tap_jira.simulator.search import Limits
from tap_jira.simulator.server import Server, serve
from tap_jira.simulator.world import World

__all__ = [
    "Account",
    "Accounts",
    "Bucket",
    "Caps",
    "Churn",
    "Credentials",
    "Fault",
    "Faults",
    "Limits",
    "Server",
    "Site",
    "UserLimits",
    "World",
    "demo_credentials",
    "serve",
]
