/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A Manager that only looks and loads: what its tests do with it. Needs cmocka before it. */
#pragma once

#include "manager.h"

static inline void test_manager_done(Manager *m)
{
        history_entry_done(&m->story);
        manager_look_done(m);
        state_done(&m->state);
        free(m->load_problem);
        free(m->damage);
        facts_done(&m->facts);
        sd_event_source_disable_unref(m->step);
        sd_event_unref(m->event);
}

/* Whether something is to be done; forgets it. */
static inline bool is_kicked(Manager *m)
{
        int r = sd_event_source_get_enabled(m->step, NULL);

        assert_true(r >= 0);
        assert_int_equal(sd_event_source_set_enabled(m->step, SD_EVENT_OFF), 0);
        return r > 0;
}
