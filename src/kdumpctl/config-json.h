/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The effective configuration for programs. */
#pragma once

#include "config.h"

/* An object as kdumpctl(8) describes it. @config: NULL if it has errors; they are among @messages.
 * The caller frees *ret. Returns 0 or -ENOMEM. Does not log. */
int config_to_json(const Config *config, const ConfigMessages *messages, char **ret);
