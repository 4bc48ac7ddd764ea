/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: the assignments in a file for a shell. The input is that file. */
#include "fuzz.h"
#include "shell-settings.h"

static void setting_check(const ShellSettings *settings, const ShellSetting *setting)
{
        size_t length = strlen(setting->name);

        FUZZ_CHECK(length > 0);
        FUZZ_CHECK(strspn(setting->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                                         "0123456789") == length);
        FUZZ_CHECK(setting->name[0] < '0' || setting->name[0] > '9');
        FUZZ_CHECK(!setting->value == (setting->why != NULL));
        FUZZ_CHECK(setting->line >= 1);
        /* Each name is there once. */
        FUZZ_CHECK(shell_settings_find(settings, setting->name) == setting);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        unsigned n_lines = 1;
        int r;

        for (size_t i = 0; i < size; i++)
                n_lines += data[i] == '\n';
        r = shell_settings_parse((const char *) data, size, &settings);
        FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -EFBIG);
        FUZZ_CHECK(settings.n_items <= SHELL_SETTINGS_MAX);
        FUZZ_CHECK(settings.n_remarks <= SHELL_REMARKS_MAX);
        for (size_t i = 0; i < settings.n_items; i++) {
                setting_check(&settings, &settings.items[i]);
                FUZZ_CHECK(settings.items[i].line <= n_lines);
        }
        for (size_t i = 0; i < settings.n_remarks; i++)
                FUZZ_CHECK(settings.remarks[i].line >= 1 && settings.remarks[i].line <= n_lines);
        return 0;
}
