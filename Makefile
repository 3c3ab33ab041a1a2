# SPDX-License-Identifier: GPL-2.0-or-later
# `make help` lists the targets. Nothing is written outside of $(O) except by install and golden-update.

O ?= build
CC ?= cc
AR ?= ar
PKG_CONFIG ?= pkg-config
INSTALL ?= install
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
INITDIR ?= $(SYSCONFDIR)/init.d
CONFDDIR ?= $(SYSCONFDIR)/conf.d
BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR ?= $(DATADIR)/fish/vendor_completions.d
DESTDIR ?=

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wundef -Wvla \
	-Wformat=2 $(if $(filter 1,$(WERROR)),-Werror)
comma := ,
# The sanitized builds have objects of their own, so that all can stand side by side. (B=NAME after `make bench` is a part.)
PART := $(if $(filter command,$(origin B)),$(B))
override B := $(O)$(if $(filter 1,$(FUZZ)),/fuzz,$(if $(filter 1,$(SAN)),/san))
SANITIZE := $(if $(filter 1,$(SAN) $(FUZZ)),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
# An empty array is NULL here, and NULL + 0 no mistake.
SANITIZE += $(if $(filter 1,$(FUZZ)),-fsanitize=fuzzer-no-link -fno-sanitize=pointer-overflow)

# --- libraries: none is needed to clean up or to be told what there is ---
LIB_PKGS := yaml-0.1 jansson
GWD_PKGS := libmnl libnftnl libseccomp libuv sqlite3
TEST_PKGS := cmocka
BUILDS := $(filter-out clean help uninstall lint,$(or $(MAKECMDGOALS),all))
TESTS_WANTED := $(filter check check-unit check-valgrind tests $(B)/tests/%,$(MAKECMDGOALS))
ifneq ($(BUILDS),)
MISSING := $(shell for p in $(LIB_PKGS) $(GWD_PKGS) $(if $(TESTS_WANTED),$(TEST_PKGS)); do \
	$(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done)
ifneq ($(MISSING),)
$(error $(PKG_CONFIG) does not find $(MISSING). Install what gwd is built with: sh packaging/deps.sh)
endif
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIB_PKGS) $(GWD_PKGS) $(if $(TESTS_WANTED),$(TEST_PKGS)))
LIB_LIBS := $(shell $(PKG_CONFIG) --libs $(LIB_PKGS))
GWD_LIBS := $(shell $(PKG_CONFIG) --libs $(GWD_PKGS))
TEST_LIBS := $(if $(TESTS_WANTED),$(shell $(PKG_CONFIG) --libs $(TEST_PKGS)))
endif

override CPPFLAGS += -D_GNU_SOURCE
COMPILE = $(CC) -std=gnu11 $(CPPFLAGS) $(INCLUDES) $(PKG_CFLAGS) $(WARNINGS) $(SANITIZE) $(CFLAGS) -MMD -MP -c -o $@ $<
LINK = $(CC) $(SANITIZE) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^)

ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-4s %s\n' '$(1)' '$(2)'
endif

# --- what there is ---
LIB_SRC := $(sort $(wildcard gwd/lib/*.c))
GWD_SRC := $(sort $(wildcard gwd/*.c))
GWCTL_SRC := $(sort $(wildcard gwctl/*.c))
TEST_SRC := $(sort $(wildcard tests/unit/test_*.c))
FAKE_SRC := $(sort $(wildcard tests/fake/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
TESTS := $(TEST_SRC:tests/unit/%.c=%)
# A test belongs to gwctl when the module it is named after does.
GWCTL_TESTS := $(filter test_gwctl% $(GWCTL_SRC:gwctl/%.c=test_%),$(TESTS))
# These run without a kernel: tests/fake/kernel.c takes the place of gwd/kernel.c at link time.
FAKE_TESTS := $(notdir $(basename $(shell grep -ls '^#include "fake_kernel.h"' $(TEST_SRC) /dev/null)))
GWD_TESTS := $(filter-out $(GWCTL_TESTS) $(FAKE_TESTS),$(TESTS))

objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

.PHONY: all tests
all: $(B)/gwd $(B)/gwctl
tests: all $(TESTS:%=$(B)/tests/%) $(B)/killpoints/gwd $(B)/bench/count

# --- compiling ---
$(B)/obj/gwd/%.o: INCLUDES = -Igwd -Igwd/lib
$(B)/obj/gwd/lib/%.o: INCLUDES = -Igwd/lib
$(B)/obj/gwctl/%.o: INCLUDES = -Igwctl -Igwd/lib
$(B)/obj/tests/%.o: INCLUDES = -Igwd -Igwd/lib -Itests/fake
$(call objects,$(GWCTL_TESTS:%=tests/unit/%.c)): INCLUDES = -Igwctl -Igwd/lib

$(B)/obj/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE)

# The interface description is assembled into varlink.o, so it is what GetInterfaceDescription answers.
VARLINK_FILE := gwd/org.gwd.Gateway.varlink
$(B)/obj/gwd/varlink.o: override CPPFLAGS += -DVARLINK_FILE='"$(VARLINK_FILE)"'
$(B)/obj/gwd/varlink.o: $(VARLINK_FILE)
# A message names a file that is installed there.
$(B)/obj/gwd/foreign_tool.o: override CPPFLAGS += -DGWD_DATADIR='"$(DATADIR)/gwd"'

# --- linking: archives, so that a unit test takes in only what it uses ---
%.a:
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

LIB := $(B)/obj/lib.a
GWD := $(B)/obj/gwd.a
GWCTL := $(B)/obj/gwctl.a
$(LIB): $(call objects,$(LIB_SRC))
$(GWD): $(call objects,$(filter-out gwd/main.c,$(GWD_SRC)))
$(GWCTL): $(call objects,$(filter-out gwctl/main.c,$(GWCTL_SRC)))

$(B)/gwd: $(B)/obj/gwd/main.o $(GWD) $(LIB)
$(B)/gwctl: $(B)/obj/gwctl/main.o $(GWCTL) $(LIB)
$(B)/gwd: LIBS = $(GWD_LIBS) $(LIB_LIBS)
$(B)/gwctl: LIBS = $(LIB_LIBS)

$(FAKE_TESTS:%=$(B)/tests/%): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(call objects,$(FAKE_SRC)) $(GWD) $(LIB)
$(GWD_TESTS:%=$(B)/tests/%): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(GWD) $(LIB)
$(GWCTL_TESTS:%=$(B)/tests/%): $(B)/tests/%: $(B)/obj/tests/unit/%.o $(GWCTL) $(LIB)
$(TESTS:%=$(B)/tests/%): LIBS = $(TEST_LIBS) $(GWD_LIBS) $(LIB_LIBS)
$(B)/tests/test_listeners: LIBS += -Wl,--wrap=mnl_socket_sendto
$(B)/tests/test_kernel: LIBS += -Wl,--wrap=mnl_socket_setsockopt
$(B)/tests/test_kernel_owner: LIBS += -Wl,--wrap=recvmsg

# Fuzz targets, in the build with FUZZ=1. Real netlink sockets answer to fuzz_netlink with what it makes up.
FUZZ_CC ?= clang
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/%)
.PHONY: fuzz-targets
fuzz-targets: $(FUZZERS)
FUZZ_MAIN := -fsanitize=fuzzer
$(B)/corpus: FUZZ_MAIN :=
$(B)/fuzz_netlink: FUZZ_MAIN += $(patsubst %,-Wl$(comma)--wrap=%,recvmsg recv send mnl_socket_sendto mnl_attr_validate nanosleep)
$(filter-out $(B)/fuzz_netlink,$(FUZZERS)): $(call objects,$(FAKE_SRC))
$(FUZZERS): $(B)/%: $(B)/obj/tests/fuzz/%.o $(GWD) $(LIB)
$(FUZZERS): LIBS = $(FUZZ_MAIN) $(GWD_LIBS) $(LIB_LIBS)

$(B)/gwd $(B)/gwctl $(B)/killpoints/gwd $(TESTS:%=$(B)/tests/%) $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c)) $(FUZZERS):
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK) $(LIBS)

# A gwd that ends itself where it is told to (gwd/killpoint.h). Only what has such a place is compiled once more.
KILL_OBJECTS := $(patsubst %.c,$(B)/obj/killpoints/%.o,$(shell grep -ls 'KILLPOINT' $(GWD_SRC) /dev/null))
$(B)/obj/killpoints/%.o: INCLUDES = -Igwd -Igwd/lib
$(KILL_OBJECTS): override CPPFLAGS += -DKILLPOINTS
$(B)/obj/killpoints/%.o: %.c Makefile
	$(call say,CC,$< with killpoints)
	$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE)
$(B)/killpoints/gwd: $(B)/obj/gwd/main.o $(KILL_OBJECTS) $(GWD) $(LIB)
$(B)/killpoints/gwd: LIBS = $(GWD_LIBS) $(LIB_LIBS)

# --- tests: see tests/run; T=NAME runs those whose name has it ---
RUN = B='$(B)' SAN='$(SAN)' T='$(T)' tests/run

# --- measuring: see tests/bench/run ---
BENCH := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
$(BENCH): $(B)/bench/%: $(B)/obj/tests/bench/%.o $(GWD) $(LIB)
$(BENCH): LIBS = $(GWD_LIBS) $(LIB_LIBS)

.PHONY: bench bench-keep
bench: all $(BENCH)
	$(Q)B='$(B)' sh tests/bench/run '$(PART)'
bench-keep:
	$(Q)sed -i -e '/^<!-- from/,/^<!-- to/{//!d;}' -e '/^<!-- from/r $(B)/bench/results.md' tests/bench/RESULTS.md
	$(Q)cp $(B)/bench/growth.svg tests/bench/growth.svg

.PHONY: check check-unit check-golden check-netns check-boot soak check-fuzz check-valgrind fuzz fuzzers golden-update demo lint
check: tests $(if $(filter 1,$(SAN)),,fuzzers)
	$(Q)$(RUN) unit golden netns $(if $(filter 1,$(SAN)),,fuzz)
check-unit: tests
	$(Q)$(RUN) unit
check-golden: all
	$(Q)$(RUN) golden
check-netns: all $(B)/killpoints/gwd
	$(Q)$(RUN) netns
check-boot: export DEB_BUILD_OPTIONS = nocheck noautodbgsym
check-boot: $(if $(shell command -v dh 2>/dev/null),deb)
	$(Q)B='$(B)' tests/boot/prepare
	$(Q)$(RUN) boot
soak: all
	$(Q)B='$(B)' GWD_SOAK='$(or $(T),120)' sh tests/netns/test_soak.sh
golden-update: all
	$(Q)$(RUN) golden-update
check-valgrind: tests
	$(Q)$(RUN) valgrind
check-fuzz: fuzzers
	$(Q)$(RUN) fuzz
fuzz: fuzzers
	$(Q)FUZZ_SECONDS=$(or $(T),60) T= B='$(B)' tests/run fuzz
# Built by clang, whatever builds the rest.
fuzzers:
	$(Q)if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
		$(FUZZ_CC) -fsanitize=fuzzer$(comma)address -o /dev/null -x c - 2>/dev/null; then \
		$(MAKE) --no-print-directory FUZZ=1 CC='$(FUZZ_CC)' fuzz-targets; \
	else echo '*** nothing is fuzzed: $(FUZZ_CC) with libFuzzer is not here (sh packaging/deps.sh --dev)'; fi
demo: all
	$(Q)B='$(B)' sh tests/demo.sh
lint:
	$(Q)sh tests/check-includes.sh && sh tests/check-size.sh

# --- installing: one list for install and uninstall, SOURCE:DESTINATION:MODE ---
# The user's gwd.yaml and conf.d/gwd are made once, then theirs; uninstall leaves them and the state alone.
OPENRC ?= $(wildcard /sbin/openrc-run /usr/sbin/openrc-run)
R := $(B)/rendered
OPENRC_FILES := $(R)/packaging/openrc/gwd.initd:$(INITDIR)/gwd:755 \
	packaging/openrc/gwd.logrotate:$(SYSCONFDIR)/logrotate.d/gwd:644
FILES := $(B)/gwd:$(SBINDIR)/gwd:755 \
	$(B)/gwctl:$(BINDIR)/gwctl:755 \
	gwd/gwd.8:$(MANDIR)/man8/gwd.8:644 \
	gwctl/gwctl.8:$(MANDIR)/man8/gwctl.8:644 \
	conf/gwd.yaml.5:$(MANDIR)/man5/gwd.yaml.5:644 \
	gwctl/completion/gwctl.bash:$(BASHCOMPDIR)/gwctl:644 \
	gwctl/completion/_gwctl:$(ZSHCOMPDIR)/_gwctl:644 \
	gwctl/completion/gwctl.fish:$(FISHCOMPDIR)/gwctl.fish:644 \
	conf/gwd.schema.json:$(DATADIR)/gwd/gwd.schema.json:644 \
	$(VARLINK_FILE):$(DATADIR)/gwd/org.gwd.Gateway.varlink:644 \
	$(foreach e,$(sort $(wildcard conf/examples/*.* conf/examples/*/*.*)),$(e):$(DATADIR)/gwd/$(e:conf/%=%):644) \
	packaging/hooks/libvirt-network:$(DATADIR)/gwd/hooks/libvirt-network:755 \
	$(R)/packaging/systemd/gwd.service:$(UNITDIR)/gwd.service:644 \
	packaging/systemd/gwd-metrics.socket:$(UNITDIR)/gwd-metrics.socket:644 \
	$(R)/packaging/systemd/gwd-metrics@.service:$(UNITDIR)/gwd-metrics@.service:644 \
	packaging/systemd/sysusers.d/gwd.conf:$(SYSUSERSDIR)/gwd.conf:644
ONCE := $(R)/conf/gwd.yaml:$(SYSCONFDIR)/gwd/gwd.yaml:644
OPENRC_ONCE := packaging/openrc/gwd.confd:$(CONFDDIR)/gwd:644
USERADD := groupadd -r gwd; groupadd -r gwd-read; useradd -r -g gwd -d / -s /usr/sbin/nologin gwd

$(R)/%: % FORCE
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@SBINDIR@|$(SBINDIR)|g; s|@BINDIR@|$(BINDIR)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' \
		-e 's|@VERSION@|$(VERSION)|g; s|@DATE@|$(DATE)|g' \
		-e 's|schema=gwd.schema.json|schema=$(DATADIR)/gwd/gwd.schema.json|' $< >$@

.PHONY: install uninstall FORCE
install: all $(foreach f,$(FILES) $(ONCE) $(OPENRC_FILES),$(firstword $(subst :, ,$(f))))
	$(Q)set -e; for f in $(FILES) $(if $(OPENRC),$(OPENRC_FILES)); do \
		IFS=:; set -- $$f; unset IFS; \
		$(INSTALL) -d "$(DESTDIR)$${2%/*}"; $(INSTALL) -m $$3 "$$1" "$(DESTDIR)$$2"; done
	$(Q)set -e; for f in $(ONCE) $(if $(OPENRC),$(OPENRC_ONCE)); do \
		IFS=:; set -- $$f; unset IFS; [ ! -e "$(DESTDIR)$$2" ] || continue; \
		$(INSTALL) -d "$(DESTDIR)$${2%/*}"; $(INSTALL) -m $$3 "$$1" "$(DESTDIR)$$2"; done
	$(Q)$(INSTALL) -d "$(DESTDIR)$(SYSCONFDIR)/gwd/gwd.d"
ifeq ($(DESTDIR),)
	$(Q)if getent passwd gwd >/dev/null; then :; \
	elif command -v systemd-sysusers >/dev/null; then systemd-sysusers $(SYSUSERSDIR)/gwd.conf; \
	else echo "gwd runs as a user of its own. Make it with: $(USERADD)"; fi
	@echo "Installed; nothing was started. Next: systemctl enable --now gwd | rc-update add gwd; rc-service gwd start"
endif

uninstall:
	$(Q)for f in $(FILES) $(OPENRC_FILES); do IFS=:; set -- $$f; unset IFS; rm -f "$(DESTDIR)$$2"; done
	$(Q)rmdir "$(DESTDIR)$(DATADIR)/gwd/examples/"* "$(DESTDIR)$(DATADIR)/gwd/examples" "$(DESTDIR)$(DATADIR)/gwd/hooks" "$(DESTDIR)$(DATADIR)/gwd" 2>/dev/null || :
	@echo "Left in place: $(SYSCONFDIR)/gwd, /var/lib/gwd, the user gwd, and the rules in the kernel until the next boot."

# --- packages, all from the one tarball: of what git knows (else of all there is), with the last commit's time ---
VERSION := $(shell sed -n 's/.*GWD_VERSION "\(.*\)"/\1/p' gwd/gwd.h)
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),$(shell date -r NEWS +%s))
export SOURCE_DATE_EPOCH
DATE = $(shell LC_ALL=C date -u -R -d @$(SOURCE_DATE_EPOCH))
DIST = $(O)/gwd-$(VERSION).tar.gz

.PHONY: dist deb rpm apk
dist: $(DIST)
$(DIST): FORCE
	$(Q)head -n 1 NEWS | grep -qx 'gwd $(VERSION)' || { echo 'NEWS does not begin with "gwd $(VERSION)"'; exit 1; }
	$(Q)mkdir -p $(@D)
	$(Q){ if [ -e .git ]; then git ls-files -co --exclude-standard; else find . -not -type d -not -path './build/*' -not -path './$(O)/*' | cut -c 3-; fi; } | \
		LC_ALL=C sort | tar -c --no-recursion --format=ustar --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner \
		--mode=a+rX,u+w,go-w --transform 's|^|gwd-$(VERSION)/|S' -T - | gzip -9n >$@
	$(call say,DIST,$@)

deb: $(DIST) $(R)/packaging/debian/changelog
	$(Q)rm -rf $(O)/deb && mkdir -p $(O)/deb && tar -xzf $(DIST) -C $(O)/deb
	$(Q)cp -r packaging/debian $(R)/packaging/debian $(O)/deb/gwd-$(VERSION)/
	$(Q)unset O MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL; cd $(O)/deb/gwd-$(VERSION) && dpkg-buildpackage -b -us -uc
	$(call say,DEB,$(O)/deb/gwd_$(VERSION)_*.deb)

# Where the distribution's own macros are missing (rpmbuild on Debian), what they would say, so that the spec is checked.
RPM_DEFINES = $(shell rpm --eval '%{?_unitdir}' | grep -q . || printf '%s' '--nodeps --define "_unitdir /usr/lib/systemd/system" \
	--define "_sysusersdir /usr/lib/sysusers.d"')
rpm: $(DIST) $(R)/packaging/rpm/gwd.spec
	$(Q)rm -rf $(O)/rpm && mkdir -p $(O)/rpm/SOURCES && cp $(DIST) $(O)/rpm/SOURCES/
	$(Q)top=$$(cd $(O)/rpm && pwd) && spec=$$(cd $(R) && pwd)/packaging/rpm/gwd.spec && unset O MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL && \
		rpmbuild -bb $(RPM_DEFINES) $(RPMBUILD_FLAGS) --define "_topdir $$top" "$$spec"
	$(call say,RPM,$(O)/rpm/RPMS/*/*.rpm)

apk: $(DIST) $(R)/packaging/alpine/APKBUILD
	$(Q)rm -rf $(O)/apk && mkdir -p $(O)/apk && cp $(DIST) packaging/alpine/gwd.* $(O)/apk/
	$(Q)sed "s|@SHA512@|$$(sha512sum <$(DIST) | cut -d ' ' -f 1)|" $(R)/packaging/alpine/APKBUILD >$(O)/apk/APKBUILD
	$(call say,APK,$(O)/apk: on Alpine run abuild -r there)

.PHONY: clean help
clean:
	rm -rf $(O)

help:
	@echo 'make                   gwd and gwctl in $(O)/'
	@echo 'make demo              a home network in namespaces: a forward, a page fetched through it (half a minute)'
	@echo 'make check             every test: unit, golden, netns; T=NAME runs one (5 to 10 minutes)'
	@echo 'make check-unit        cmocka tests, no kernel needed; also check-golden, check-netns, check-fuzz, check-valgrind'
	@echo 'make check-boot        the package on booting machines: systemd, OpenRC, VMs (root, Debian; up to 8 minutes)'
	@echo 'make fuzz T=60         feeds garbage to every reader for T seconds each, by clang'\''s libFuzzer'
	@echo 'make soak              changes, flaps and foreign flushes under traffic for 2 minutes; T=SECONDS'
	@echo 'make golden-update     what gwd prints now becomes what the golden tests expect: read the diff'
	@echo 'make bench             speed against others, in one table (root; 10 minutes); B=add runs one part'
	@echo 'make bench-keep        what `make bench` measured last becomes the table and the plot of tests/bench/RESULTS.md'
	@echo 'make lint              include direction and size budgets'
	@echo 'make dist deb rpm apk  the source tarball, and packages built of it: see packaging/README.md'
	@echo 'make install           PREFIX=$(PREFIX) DESTDIR=; uninstall takes it away again'
	@echo 'Variables: CC CFLAGS LDFLAGS O=$(O) V=1 (show commands) WERROR=1 SAN=1 (address and undefined sanitizers)'

-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d)
