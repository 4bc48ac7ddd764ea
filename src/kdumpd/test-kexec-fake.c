/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the made-up kernel of the tests of swaps. */
#include "test-kexec-fake.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

TestKernel fake;

static int fake_load(void *userdata, const KexecImage *image, void *ready)
{
        size_t i = fake.n_calls++;

        assert_true(i < ELEMENTSOF(fake.answers));
        fake.last = image;
        if (fake.answers[i] == 0 || fake.late[i])
                fake.loaded = true;
        else if (fake.swap_began[i])
                fake.loaded = false;
        return fake.answers[i];
}

static int fake_unload(void *userdata)
{
        int r = fake.answers[fake.n_calls++];

        if (r == 0)
                fake.loaded = false;
        return r;
}

static int fake_loaded(void *userdata)
{
        return fake.loaded;
}

static void fake_pause(void *userdata, uint64_t usec)
{
        assert_true(usec > 0);
        fake.n_pauses++;
}

const KexecLoader fake_loader = {
        .name = "fake",
        .load = fake_load,
        .unload = fake_unload,
        .loaded = fake_loaded,
        .pause = fake_pause,
};

void fake_reset(bool loaded)
{
        memset(&fake, 0, sizeof(fake));
        fake.loaded = loaded;
}

static int fake_load_slowly(void *userdata, const KexecImage *image, void *ready)
{
        size_t i = fake.n_calls;

        assert_true(i < ELEMENTSOF(fake.slow));
        fake.slow[i] = true;
        fake.slow_begins_armed = fake.loaded;
        return fake_load(userdata, image, ready);
}

const KexecLoader slow_loader = {
        .name = "slow",
        .load = fake_load,
        .load_slowly = fake_load_slowly,
        .unload = fake_unload,
        .loaded = fake_loaded,
        .pause = fake_pause,
};

/* What is ready is the number of its prepare(), from 1. */
static int fake_prepare(void *userdata, const KexecImage *image, KexecPrepare how, void **ret_ready,
                        char **reterr_message)
{
        size_t i = fake.n_prepared++;

        assert_true(i < ELEMENTSOF(fake.hows));
        fake.hows[i] = how;
        if (fake.prepare_error < 0 || fake.prepare_errors[i] < 0)
                return fail_text(MIN(fake.prepare_error, fake.prepare_errors[i]), reterr_message,
                                 "no room");
        *ret_ready = (void *) (uintptr_t) (i + 1);
        return 0;
}

static void fake_ready_free(void *ready)
{
        assert_non_null(ready);
        fake.n_freed++;
}

static int fake_intact(void *userdata, void *ready)
{
        assert_non_null(ready);
        return fake.intact[fake.n_calls - 1];
}

const KexecLoader ready_loader = {
        .name = "ready",
        .prepare = fake_prepare,
        .ready_free = fake_ready_free,
        .load = fake_load,
        .intact = fake_intact,
        .unload = fake_unload,
        .loaded = fake_loaded,
        .pause = fake_pause,
};
