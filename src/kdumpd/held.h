/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Held: the image that was loaded last, in sealed memory files. Loading it again takes no disk, and
 * the service manager keeps the files for a daemon that is restarted. */
#pragma once

#include "kexec.h"

typedef struct Held {
        uint64_t number; /* of the generation; 0: nothing is held */
        KexecImage image;
} Held;

#define HELD_NULL                                                                                  \
        (Held)                                                                                     \
        {                                                                                          \
                .image = KEXEC_IMAGE_NULL                                                          \
        }

/* What the service manager keeps stays there. */
void held_done(Held *held);

/* Takes over @image, which must be of sealed memory files, in the place of what was held. */
void held_replace(Held *held, uint64_t number, KexecImage *image);

/* Takes back what a daemon before us left with the service manager: generation @number, if all of
 * it is there and sealed, else nothing; what is not taken is given up. The fallback image may be
 * missing, as a daemon that knew of none has left none. Once per process. Logs. */
void held_adopt(uint64_t number, Held *ret);
