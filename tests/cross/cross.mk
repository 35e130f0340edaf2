# make test-cross [T=NAME]   v6shim built for other machines and libcs, and tested: i386, musl, aarch64, s390x
#                            (big-endian); the last two under qemu-user. See tests/cross/machine.
#
# What of it is short runs in `make test-all`: tests/long/builds.bats, which also has the compilers.

.PHONY: test-cross

test-cross: all examples programs
	$(Q)tests/deps cross
	$(Q)status=0; for machine in $(or $(T),i386 musl aarch64 s390x); do \
		V6SHIM_BUILD=$(abspath $(BUILD)) tests/cross/machine $$machine $(abspath $(BUILD))/cross || status=1; \
	done; exit $$status
