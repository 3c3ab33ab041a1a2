/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel settings that gwd may write (the list is published in gwd.8): read, and set only when different.
 * Nothing is remembered here: what was there before is the caller's to keep. */
#ifndef SYSCTL_H
#define SYSCTL_H

#include <stdint.h>

#include "addr.h"
#include "diag.h"

/* Root of the tree, "/proc/sys" unless a test says otherwise (NULL puts that back). Copied. */
void sysctl_set_root(const char *path);

/* Value of e.g. "net/ipv4/ip_forward"; -errno when it cannot be read (-ENOENT: this kernel has none), -EBADMSG when it
 * is not one whole number. */
int sysctl_get(const char *name, int *ret);
/* The ports that the kernel gives to clients (net.ipv4.ip_local_port_range, of IPv6 too); none when it does not say. */
struct port_range sysctl_local_ports(void);
char *sysctl_boot_id(void); /* another one at each boot; caller's string, "unknown" where the kernel does not say */
/* Writes only when different: 1 = written, 0 = was so already, -errno plus diag (which names the sysctl). */
int sysctl_set(const char *name, int value, struct diag *);

/* Forwarding of `family` on: 1 = this call turned it on, 0 = it was on. IPv6: accept_ra 1 becomes 2 on `default` and on
 * every interface that has 1 first, because forwarding deletes a router-advertised default route (KERNEL.md 0.6).
 * -errno plus diag otherwise; forwarding stays off when accept_ra could not be set. */
int sysctl_forwarding_on(uint8_t family, struct diag *);
int sysctl_forwarding_get(uint8_t family); /* 1, 0, or -errno */
/* Off again (purge): 1 = this call turned it off, 0 = it was off, -errno plus diag. The kernel resets IPv4's
 * conf.all.accept_redirects at every change of forwarding (to 0, then to 1): it gets `accept_redirects`, what
 * SYSCTL_ACCEPT_REDIRECTS had before forwarding was turned on, so that a hardened machine stays hardened; -1 = not
 * known: what it has now. accept_ra stays 2: without forwarding that means the same as 1. */
int sysctl_forwarding_off(uint8_t family, int accept_redirects, struct diag *);
#define SYSCTL_ACCEPT_REDIRECTS "net/ipv4/conf/all/accept_redirects"
/* No ICMP redirects from a one-NIC gateway to its own LAN: all and `ifname` (the kernel takes the OR of both).
 * 1 = something was written, 0 = it was so already, -errno plus diag. */
int sysctl_redirects_off(const char *ifname, struct diag *);

#endif
