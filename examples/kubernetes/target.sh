#!/bin/sh
# The target with what is secret from the environment, as TARGET_POSTGRES_PASSWORD.
exec /opt/target/bin/target-postgres --config ENV "$@"
