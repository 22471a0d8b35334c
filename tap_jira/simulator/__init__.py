"""A small Jira, Data Center or Cloud, that lives in this process, for demonstrations, tests and benchmarks."""

from tap_jira.simulator.accounts import Account, Accounts
from tap_jira.simulator.churn import Churn
from tap_jira.simulator.cloud import CloudSite
from tap_jira.simulator.cloud_credentials import CloudCredentials, cloud_credentials
from tap_jira.simulator.cloud_door import CloudAccount, CloudAccounts
from tap_jira.simulator.cloud_search import CloudLimits
from tap_jira.simulator.credentials import Credentials, demo_credentials
from tap_jira.simulator.faults import Bucket, Fault, Faults
from tap_jira.simulator.fields import Caps
from tap_jira.simulator.people import UserLimits
from tap_jira.simulator.quota import Quota
from tap_jira.simulator.routes import Site
from tap_jira.simulator.search import Limits
from tap_jira.simulator.server import Server, serve
from tap_jira.simulator.tokens import App
from tap_jira.simulator.world import World

__all__ = [
    "Account",
    "Accounts",
    "App",
    "Bucket",
    "Caps",
    "Churn",
    "CloudAccount",
    "CloudAccounts",
    "CloudCredentials",
    "CloudLimits",
    "CloudSite",
    "Credentials",
    "Fault",
    "Faults",
    "Limits",
    "Quota",
    "Server",
    "Site",
    "UserLimits",
    "World",
    "cloud_credentials",
    "demo_credentials",
    "serve",
]
