/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gateway:`, the ports of the gateway itself. For config*.c only. */
#ifndef CONFIG_GATEWAY_H
#define CONFIG_GATEWAY_H

#include "config_keys.h"

extern const struct keys gateway_keys; /* their ctx is a settings_reader */

#endif
