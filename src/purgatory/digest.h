/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-256 in plain integer code: the purgatory has no library, and no vector registers. */
#pragma once

#include <stdbool.h>

#include "purgatory-block.h"

void digest_sha256(const uint8_t *data, uint64_t bytes, uint8_t ret[PURGATORY_DIGEST_BYTES]);

bool digest_equal(const uint8_t a[PURGATORY_DIGEST_BYTES], const uint8_t b[PURGATORY_DIGEST_BYTES]);

/* Is @digest that of @data? */
bool digest_fits(const uint8_t *data, uint64_t bytes, const uint8_t digest[PURGATORY_DIGEST_BYTES]);
