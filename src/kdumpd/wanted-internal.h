/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of wanted.c have in common. */
#pragma once

#include "config.h"
#include "wanted.h"

/* What the fallback image is made of, beside what is in @wanted. */
typedef struct WantedSources {
        int root_fd;
        const GenerationStore *store;
        const Config *config;
        const Plan *plan; /* with the number of @wanted's generation */
        const Needs *needs;
        const BaseImage *base; /* of @wanted's generation */
} WantedSources;

/* wanted-fallback.c: gives @wanted, whose generation has all else, a fallback image, or the reason
 * why there is none. If the current generation has the same number, and so all the same but that,
 * its fallback image stays if no other can be made. Returns 0 or -ENOMEM. Does not log. */
int wanted_make_fallback(const WantedSources *sources, Wanted *wanted);
