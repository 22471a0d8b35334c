"""Where Atlassian's cloud lets programs in: the gateway to a site, and who issues OAuth 2.0 tokens."""

from __future__ import annotations

from urllib.parse import urlsplit

from tap_jira.config import is_loopback

API = "https://api.atlassian.com"
ISSUER = "https://auth.atlassian.com"


def gateway(base_url: str, cloud_id: str) -> str:
    """The address below which a site takes scoped tokens and OAuth 2.0; ``base_url`` may be empty."""
    return f"{_beside(base_url) or API}/ex/jira/{cloud_id}"


def granted_sites(base_url: str) -> str:
    """The address that lists the sites an OAuth 2.0 token may see."""
    return f"{_beside(base_url) or API}/oauth/token/accessible-resources"


def token_endpoint(base_url: str) -> str:
    """The address that gives a new token for a refresh token."""
    return f"{_beside(base_url) or ISSUER}/oauth/token"


def tenant_info(base_url: str) -> str:
    """The address at which a site of the cloud tells its cloud id to anybody, and another Jira has nothing."""
    return f"{base_url}/_edge/tenant_info"


def _beside(base_url: str) -> str:
    """The origin of a Jira on this machine, '' for any other.

    A simulated Jira has one address for all, and what is meant for it must not reach the real Atlassian.
    """
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}" if is_loopback(parts.hostname or "") else ""
