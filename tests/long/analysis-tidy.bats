#!/usr/bin/env bats
# What clang-tidy says of the sources: nothing. Apart from the other analysers, for it takes as long as they all do.

load analysis

@test "clang-tidy finds nothing in the sources" {
	require clang-tidy
	clean lint-tidy
}
