# examples/packaging/packaging.mk - make dist, make deb, make rpm. Included by the Makefile.
#
#   make dist   $(BUILD)/dist/v6shim-VERSION.tar.gz, from the last commit: the same commit, the same bits
#   make deb    Debian packages in $(BUILD)/deb: libv6shim (the library, Multi-Arch: same) and v6shim (the
#               command), with their source package, built from that tarball and examples/packaging/debian
#   make rpm    RPM packages in $(BUILD)/rpm, from that tarball and examples/packaging/v6shim.spec
#
# HOST_ARCH=i386 builds the packages for another of Debian's architectures; DEB_FLAGS go to
# dpkg-buildpackage, RPM_FLAGS to rpmbuild, as they are.

HOST_ARCH ?=

.PHONY: dist deb rpm

dist:
	$(SAY) DIST $(BUILD)/dist
	$(Q)examples/packaging/dist $(BUILD)/dist

deb: dist
	$(SAY) DEB $(BUILD)/deb
	$(Q)examples/packaging/build-deb $(BUILD)/dist $(BUILD)/deb $(if $(HOST_ARCH),-a$(HOST_ARCH)) $(DEB_FLAGS)

rpm: dist
	$(SAY) RPM $(BUILD)/rpm
	$(Q)examples/packaging/build-rpm $(BUILD)/dist $(BUILD)/rpm $(RPM_FLAGS)
