/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns the verdict on the end of the boot before this one: whether it was in order, and whether
 * there is a dump of it. */
#include "last-boot-internal.h"

#include "io.h"
#include "parse.h"
#include "rootdir.h"

#define PATH_UPTIME "/proc/uptime"

/* File systems that nothing waits for: those of servers and slow disks, and what is mounted by
 * somebody else. Devices of fstab have 90 s to appear (DefaultDeviceTimeoutSec= of systemd). */
#define MOUNTS_USEC (5 * 60 * USEC_PER_SEC)

void last_boot_finding_done(LastBootFinding *finding)
{
        free(finding->text);
        free(finding->hint);
        *finding = (LastBootFinding){ 0 };
}

/* How long mounts are still waited for. "1234.56 …", seconds, the time asleep included
 * (fs/proc/uptime.c). */
static uint64_t mounts_wait_usec(int root_fd)
{
        _cleanup_free_ char *line = NULL;
        uint64_t seconds;

        if (root_read_line(root_fd, PATH_UPTIME, &line) < 0)
                return 0;
        line[strcspn(line, ".")] = '\0';
        if (parse_u64(line, 10, &seconds) < 0 || seconds >= MOUNTS_USEC / USEC_PER_SEC)
                return 0;
        return MOUNTS_USEC - seconds * USEC_PER_SEC;
}

static LastBootVerdict verdict_of(const LastBootSearch *search)
{
        if (search->dump)
                return LAST_BOOT_DUMPED;
        if (search->boot->unwatched)
                return LAST_BOOT_UNWATCHED;
        return search->unseen ? LAST_BOOT_ELSEWHERE : LAST_BOOT_LOST;
}

static int judge(int root_fd, const LastBoot *boot, LastBootFinding *ret)
{
        _cleanup_(last_boot_finding_done) LastBootFinding finding = { 0 };
        _cleanup_(last_boot_search_done) LastBootSearch search = { 0 };
        int r;

        r = last_boot_search(root_fd, boot, &search);
        if (r < 0)
                return r;
        finding.verdict = verdict_of(&search);
        finding.generation = boot->generation;
        if (!search.dump)
                finding.wait_usec = mounts_wait_usec(root_fd);
        r = last_boot_describe(&search, finding.verdict, &finding.text);
        if (r >= 0)
                r = last_boot_hint(&search, &finding.hint);
        if (r < 0)
                return r;
        *ret = finding;
        finding = (LastBootFinding){ 0 };
        return 0;
}

int last_boot_look(int root_fd, LastBootFinding *ret)
{
        _cleanup_(last_boot_done) LastBoot boot = { 0 };
        _cleanup_free_ char *boot_id = NULL;
        bool is_this;
        int r;

        r = last_boot_this(root_fd, &boot_id);
        if (r >= 0)
                r = last_boot_read(root_fd, &boot);
        if (r == -ENOMEM)
                return r;
        *ret = (LastBootFinding){ .verdict = LAST_BOOT_UNKNOWN };
        if (r < 0)
                return 0;
        is_this = streq(boot_id, boot.boot_id);
        if (!is_this && !boot.clean && boot.generation > 0)
                return judge(root_fd, &boot, ret);
        if (boot.before)
                return judge(root_fd, boot.before, ret);
        ret->verdict = is_this ? LAST_BOOT_THIS : LAST_BOOT_CLEAN;
        return 0;
}
