/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the story of one request or event, from what made us look to what came of it, for
 * `kdumpctl why`. Not to have told it is no failure. */
#include <stdarg.h>

#include "changes.h"
#include "io.h"
#include "log.h"
#include "manager.h"
#include "strv.h"

void manager_story_begin(Manager *m, const char *format, ...)
{
        va_list ap;
        char *trigger;
        int n;

        va_start(ap, format);
        n = vasprintf(&trigger, format, ap);
        va_end(ap);
        if (n < 0) {
                (void) log_oom();
                return;
        }
        /* What has begun and was not ended is one story with what comes now; the cause that is
         * nearer to a person is told. */
        free(m->story.trigger);
        m->story.trigger = trigger;
}

void manager_story_change(Manager *m, const char *text)
{
        if (strv_contains(m->story.changes, text))
                return;
        if (strv_extend(&m->story.changes, text) < 0)
                (void) log_oom();
}

static void describe(const Generation *g, ImageDescription *ret)
{
        *ret = (ImageDescription){
                .kernel_release = g->kernel_release,
                .kernel_sha256 = g->kernel_sha256,
                .base_id = g->base_id,
                .cmdline = g->cmdline,
                .overlay_sha256 = g->overlay_sha256,
                .fallback_sha256 = g->fallback_sha256,
                .fallback_cmdline = g->fallback_cmdline,
                .fallback_target = g->fallback_target,
        };
}

/* What is armed, or what was the last to be. */
static const Generation *compared_with(const Manager *m)
{
        const Generation *armed = manager_generation(m, m->state.generation);

        if (armed)
                return armed;
        return m->store.current.number > 0 ? &m->store.current : NULL;
}

/* What is in the images of a generation, as far as it can be read. */
typedef struct Contents {
        OverlayList overlay, fallback;
} Contents;

static void contents_done(Contents *contents)
{
        overlay_list_done(&contents->overlay);
        overlay_list_done(&contents->fallback);
}

static void list_before(const Manager *m, const Generation *before, Contents *contents,
                        ImageDescription *description)
{
        _cleanup_free_ char *overlay = NULL, *fallback = NULL, *message = NULL, *why = NULL;
        size_t size;

        if (generation_read_overlay(&m->store, before, &overlay, &size, &message) >= 0 &&
            overlay_list(overlay, size, &contents->overlay) >= 0)
                description->overlay = &contents->overlay;
        if (generation_read_fallback(&m->store, before, &fallback, &size, &why) >= 0 &&
            fallback_list(fallback, size, &contents->fallback) >= 0)
                description->fallback = &contents->fallback;
}

static int list_wanted(const Wanted *wanted, Contents *contents, ImageDescription *description)
{
        const Generation *g = &wanted->generation;
        int r;

        r = overlay_list(wanted->overlay, g->overlay_bytes, &contents->overlay);
        if (r < 0)
                return r;
        description->overlay = &contents->overlay;
        description->fallback_missing = wanted->fallback_missing;
        if (wanted->fallback &&
            fallback_list(wanted->fallback, g->fallback_bytes, &contents->fallback) >= 0)
                description->fallback = &contents->fallback;
        return 0;
}

static int compare(Manager *m, const Generation *before, char ***ret)
{
        _cleanup_(contents_done) Contents old_contents = { 0 }, new_contents = { 0 };
        ImageDescription old, new;
        int r;

        describe(before, &old);
        describe(&m->wanted.generation, &new);
        r = list_wanted(&m->wanted, &new_contents, &new);
        if (r < 0)
                return r;
        list_before(m, before, &old_contents, &old);
        return changes_list(&old, &new, NULL, ret);
}

void manager_story_base(Manager *m)
{
        const Wanted *w = &m->wanted;

        for (char **path = w->changed_inputs; path && *path; path++) {
                _cleanup_free_ char *text = NULL;

                if (strprintf(&text, "'%s' has changed", *path) >= 0)
                        manager_story_change(m, text);
        }
        if (!w->changed_inputs)
                manager_story_change(m, w->base_missing ?: "a new base image was asked for");
}

void manager_story_compare(Manager *m)
{
        const Generation *before = compared_with(m);
        _cleanup_strv_ char **lines = NULL;
        int r;

        if (!before || before->number == m->wanted.generation.number)
                return;
        r = compare(m, before, &lines);
        if (r < 0)
                log_debug("What has changed cannot be told: %s", strerror(-r));
        for (char **p = lines; p && *p; p++)
                manager_story_change(m, *p);
}

void manager_story_act(Manager *m, HistoryAction action)
{
        /* In the order of how much was done: a new base image comes with a new overlay. */
        static const unsigned weight[_HISTORY_ACTION_MAX] = {
                [HISTORY_RELOAD] = 1,
                [HISTORY_OVERLAY] = 2,
                [HISTORY_RESTORED] = 3,
                [HISTORY_BASE] = 4,
        };

        if (weight[action] > weight[m->story.action])
                m->story.action = action;
}

void manager_story_end(Manager *m, const Decision *d)
{
        HistoryEntry *story = &m->story;
        int r;

        if (!story->trigger) {
                /* What was done without one is no part of the next story. */
                history_entry_done(story);
                return;
        }
        if (d->failed && (story->action != HISTORY_RESTORED || d->action == DECIDE_FAIL))
                story->action = HISTORY_FAILED;
        story->realtime_usec = now_realtime_usec();
        story->generation = m->armed_generation;
        story->gap_usec = m->loaded_something ? m->state.gap_usec : 0;
        r = history_outcome(story, m->build.took_usec, d->failed ? d->reason : NULL,
                            &story->outcome);
        if (r >= 0)
                r = history_append(m->root_fd, story);
        if (r < 0)
                (void) log_warning_errno(r, "Failed to write down what has changed, ignoring: %m");
        history_entry_done(story);
        m->build.took_usec = 0;
}
