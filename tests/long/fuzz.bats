#!/usr/bin/env bats
# The fuzz targets for what is read as text or as records: they run clean, and they would find a defect.

load ../e2e/helper
load fuzz_targets

setup_file() {
	build_targets settings config record diag
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

@test "sock_diag answers: nothing is found" {
	runs_clean diag
}

@test "settings and rules: a path's end that is not looked at is found" {
	finds settings shim/core/settings.c 's/if (i + 1 == path\.len)/if (0)/'
}

@test "settings and rules: a rule that is printed otherwise than it is read is found" {
	finds settings shim/core/rules.c "/static void text_ports/,/^}/s/i ? \",\" : \"port=\"/\"port=\"/"
}

@test "the configuration file: a column that is off by one is found" {
	finds config shim/core/config.c 's/(problem\.text\.ptr - line\.ptr) + 1/(problem.text.ptr - line.ptr)/'
}

@test "records: a byte that is read behind the line is found" {
	finds record shim/core/record_parse.c 's/if (left < len || !same_bytes/if (left + 3 < len || !same_bytes/'
}

@test "records: an address that libc would not read is found, by the input that found it" {
	finds record shim/core/record_parse.c 's/ || g->len == 16)/)/' eight-groups-and-a-gap
}

@test "sock_diag answers: an attribute that is longer than its message is found" {
	finds diag shim/core/diag.c 's/ || a\.nla_len > left)/)/'
}
