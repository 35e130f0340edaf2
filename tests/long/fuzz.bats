#!/usr/bin/env bats
# The fuzz targets for what is read as text or as records: they run clean, and they would find a defect.

load ../e2e/helper
load fuzz_targets

setup_file() {
	build_targets settings config record
}

@test "settings and rules: nothing is found" {
	runs_clean settings
}

@test "the configuration file: nothing is found" {
	runs_clean config
}

@test "records: nothing is found" {
	runs_clean record
}

@test "settings and rules: a path's end that is not looked at, a rule that is printed otherwise, are found" {
	finds settings shim/core/settings.c 's/if (end - c < 2 || !memchr/if (!memchr/'
	finds settings shim/core/config.c 's/i ? "," : "port="/"port="/'
}

@test "the configuration file: a setting that may be set twice is found" {
	finds config shim/core/config.c 's/if (set_in\[id\])/if (0)/'
}
