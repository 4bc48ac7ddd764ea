/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UTF-8, for those who take nothing else: JSON and D-Bus. None of these log. */
#pragma once

#include "macro.h"

/* Replaces each byte of @text that is not part of a character of UTF-8 by '?'. */
void utf8_clean(char *text);
