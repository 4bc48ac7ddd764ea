/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import.h"

#include <syslog.h>

#include "config.h"
#include "io.h"
#include "test.h"

typedef struct Case {
        ImportFrom from;
        const char *settings;
        const char *lines;  /* all that is not a comment in words; "#" in front of a directive that
                             * is not acted on is left away */
        const char *phrase; /* what the comments say */
} Case;

static const Case cases[] = {
        /* Where to */
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=/var/crash", "path /var/crash\n",
          "KDUMP_SAVEDIR, /f:1:" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR='/a b'", "path /a b\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=file:///dumps", "path /dumps\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=file://dumps", "", "takes an absolute path" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=/a/../b", "", "takes an absolute path" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=/a\\#b", "", "without '#'" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR='/a\rb'", "", "control characters" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR='/a\nb'", "", "control characters" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=var/crash", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://srv/exp/d", "nfs srv:/exp/d\npath /\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://[fe80::1]/exp", "nfs [fe80::1]:/exp\npath /\n",
          NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://srv", "nfs srv:/\npath /\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR='nfs://s v/x'", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://srv:x/y", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://srv:/y", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs:///y", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://[::1/y", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://[::1]x/y", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u@srv/d", "ssh u@srv\npath /d\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://srv/d", "ssh root@srv\npath /d\n",
          "No user was named" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://@srv/d", "ssh root@srv\npath /d\n",
          "No user was named" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u@srv:22/d", "ssh u@srv\npath /d\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u@srv:2222/d",
          "ssh u@srv\npath /d\nssh_port 2222\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u@[fe80::1]:24/d",
          "ssh u@fe80::1\npath /d\nssh_port 24\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u:hunter2@srv/d", "ssh u@srv\npath /d\n",
          "not carried over and not shown" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u:hunter2@x@srv/d", "ssh u@srv\npath /d\n",
          "not carried over and not shown" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u:x/hunter2@srv/d", "",
          "there may be a password in it" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=sftp://u@srv/d", "ssh u@srv\npath /d\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=scp://u@srv/d", "ssh u@srv\npath /d\n",
          "There is no scp" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ssh://u@srv/../d", "", "takes an absolute path" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ftp://srv/d", "url ftp://srv/d\n",
          "neither the password nor the dump" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ftp://[2001:db8::1]:2121/d",
          "url ftp://[2001:db8::1]:2121/d\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ftp://u:hunter2@srv", "url ftp://srv/\n",
          "not carried over and not shown: write lines" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ftp://u:hunter2/x@srv/d", "",
          "there may be a password in it" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=ftp://srv/../d", "", "does not fit 'url'" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=cifs://srv/d", "", "has no 'cifs'" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=smb://srv/d", "", "has no 'smb'" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=http://srv/d", "", "neither a folder nor a URL" },
        { IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=$X/d", "", "only a shell can fill in. Write it here:" },
        { IMPORT_FROM_SUSE, "KDUMP_COMMANDLINE=' '", "", "more than blanks" },
        { IMPORT_FROM_SUSE, "KDUMP_REQUIRED_PROGRAMS=' \t'", "", "more than blanks" },
        { IMPORT_FROM_DEBIAN, "KDUMP_CMDLINE=' '", "", "more than blanks" },
        { IMPORT_FROM_SUSE, "KDUMP_SSH_IDENTITY=id_ed25519", "sshkey /root/.ssh/id_ed25519\n",
          NULL },
        { IMPORT_FROM_SUSE, "KDUMP_SSH_IDENTITY='/k a'", "sshkey /k\n", "the first is taken" },
        { IMPORT_FROM_SUSE, "KDUMP_SSH_IDENTITY=\"'k\"", "", "no list of files" },
        { IMPORT_FROM_SUSE, "KDUMP_SSH_IDENTITY=' '", "", "no list of files" },
        { IMPORT_FROM_SUSE, "KDUMP_NET_TIMEOUT=30", "", "default there" },
        { IMPORT_FROM_SUSE, "KDUMP_NET_TIMEOUT=90", "target_timeout 90s\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_NET_TIMEOUT=x", "", "takes a time" },
        { IMPORT_FROM_SUSE, "KDUMP_NET_TIMEOUT=60\nKDUMP_SAVEDIR=ssh://u@srv/d",
          "target_timeout 60s\nssh u@srv\npath /d\n", NULL },

        /* What */
        { IMPORT_FROM_SUSE, "KDUMP_DUMPLEVEL=17", "core_collector makedumpfile -c -d 17\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=lzo", "core_collector makedumpfile -l -d 31\n",
          NULL },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=zstd\nKDUMP_DUMPLEVEL=1\nMAKEDUMPFILE_OPTIONS=-D",
          "core_collector makedumpfile -z -d 1 -D\n",
          "From KDUMP_DUMPFORMAT, /f:1: From KDUMP_DUMPLEVEL, /f:2: From MAKEDUMPFILE_OPTIONS, "
          "/f:3:" },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=Compressed", "core_collector makedumpfile -c -d 31\n",
          NULL },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=snappy", "core_collector makedumpfile -p -d 31\n",
          NULL },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=ELF KDUMP_DUMPLEVEL=8",
          "core_collector makedumpfile -E -d 8\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=raw KDUMP_DUMPLEVEL=8",
          "core_collector makedumpfile -E -d 0\n", "every page" },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=none", "core_collector makedumpfile -c -d 31\n",
          "log is always saved first" },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPFORMAT=best", "core_collector makedumpfile -c -d 31\n",
          "The format is not known" },
        { IMPORT_FROM_SUSE, "KDUMP_DUMPLEVEL=32 MAKEDUMPFILE_OPTIONS=-D", "",
          "takes dump levels from 0 to 31" },
        { IMPORT_FROM_SUSE, "MAKEDUMPFILE_OPTIONS=--no-such", "", "does not fit 'core_collector'" },
        { IMPORT_FROM_DEBIAN, "MAKEDUMP_ARGS='-l -d 17'", "core_collector makedumpfile -l -d 17\n",
          NULL },
        { IMPORT_FROM_DEBIAN, "KDUMP_COMPRESSION=xz", "", "not compressed once more" },

        /* What else, and what then */
        { IMPORT_FROM_SUSE, "KDUMP_PRESCRIPT=/bin/a", "kdump_pre /bin/a\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_PRESCRIPT='/bin/a b'", "", "with 'kdump_pre'" },
        { IMPORT_FROM_SUSE, "KDUMP_PRESCRIPT=a", "", "runs no shell" },
        { IMPORT_FROM_SUSE, "KDUMP_POSTSCRIPT=/bin/a", "kdump_post /bin/a\n",
          "now given one argument" },
        { IMPORT_FROM_SUSE, "KDUMP_POSTSCRIPT='/usr/lib/fence_kdump_send -i 1 n1'", "",
          "fence_kdump_nodes" },
        { IMPORT_FROM_SUSE, "KDUMP_REQUIRED_PROGRAMS='/bin/a\t/bin/b'",
          "extra_bins /bin/a /bin/b\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_CONTINUE_ON_ERROR=true", "failure_action reboot\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_CONTINUE_ON_ERROR=no", "failure_action shell\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_CONTINUE_ON_ERROR=x", "", "neither yes nor no" },
        { IMPORT_FROM_SUSE, "KDUMP_IMMEDIATE_REBOOT=yes", "final_action reboot\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_IMMEDIATE_REBOOT=no", "", "There is no shell after a dump" },
        { IMPORT_FROM_SUSE, "KDUMP_IMMEDIATE_REBOOT=x", "", "There is no shell after a dump" },
        { IMPORT_FROM_DEBIAN, "KDUMP_FAIL_CMD='reboot -f'", "failure_action reboot\n", NULL },
        { IMPORT_FROM_DEBIAN, "KDUMP_FAIL_CMD=/sbin/halt", "failure_action halt\n", NULL },
        { IMPORT_FROM_DEBIAN, "KDUMP_FAIL_CMD=/bin/bash", "failure_action shell\n", NULL },
        { IMPORT_FROM_DEBIAN, "KDUMP_FAIL_CMD='echo x; /bin/bash; reboot -f'", "",
          "with 'kdump_emergency'" },
        { IMPORT_FROM_DEBIAN, "KDUMP_FAIL_CMD=/bin/mine", "kdump_emergency /bin/mine\n", NULL },
        { IMPORT_FROM_DEBIAN, "KDUMP_FAIL_CMD=\"'x\"", "", "runs no shell" },
        { IMPORT_FROM_DEBIAN, "KDUMP_FAIL_CMD=' '", "", "runs no shell" },

        /* The kernel and its command line */
        { IMPORT_FROM_SUSE, "KDUMP_KERNELVER=6.4.0-1-default", "kernel 6.4.0-1-default\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_KERNELVER=/boot/vmlinuz", "", "by their release" },
        { IMPORT_FROM_SUSE, "KDUMP_KERNELVER='a b'", "", "takes a kernel release" },
        { IMPORT_FROM_SUSE, "KDUMP_KERNELVER=", "", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_CPUS=4", "nr_cpus 4\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_CPUS=32", "", "Both 32" },
        { IMPORT_FROM_SUSE, "KDUMP_CPUS=0", "", "Both 32" },
        { IMPORT_FROM_SUSE, "KDUMP_CPUS=many", "", "takes a number of CPUs" },
        { IMPORT_FROM_SUSE, "KDUMP_COMMANDLINE='a  b'", "kdump_commandline a  b\n", NULL },
        { IMPORT_FROM_SUSE, "KDUMP_COMMANDLINE_APPEND='x nr_cpus=2'\nKDUMP_CPUS=3",
          "nr_cpus 2\nkdump_commandline_append x\n", "'nr_cpus' is set above already" },
        { IMPORT_FROM_DEBIAN,
          "KDUMP_CMDLINE_APPEND=\"reset_devices systemd.unit=kdump-tools-dump.service nr_cpus=1\n "
          "irqpoll x='a b'\"",
          "kdump_commandline_append reset_devices irqpoll x='a b'\n",
          "has a unit of its own. One CPU is what" },
        { IMPORT_FROM_DEBIAN, "KDUMP_CMDLINE_APPEND=nr_cpus=1", "", "One CPU" },
        { IMPORT_FROM_DEBIAN, "KDUMP_CMDLINE_APPEND='maxcpus=x y=\"z'", "",
          "takes words with every quote closed" },
        { IMPORT_FROM_DEBIAN, "KDUMP_CMDLINE=x", "kdump_commandline x\n", NULL },
        { IMPORT_FROM_REDHAT, "KDUMP_COMMANDLINE_REMOVE='a b'", "kdump_commandline_remove a b\n",
          "without being named" },
        { IMPORT_FROM_REDHAT, "KDUMP_COMMANDLINE_APPEND='a nr_cpus=1'",
          "kdump_commandline_append a\n", "without being named" },
        { IMPORT_FROM_REDHAT, "KDUMP_COMMANDLINE_APPEND='\"a b\" \"c d\"'",
          "kdump_commandline_append \"\"a b\" \"c d\"\"\n", NULL },
        { IMPORT_FROM_REDHAT, "KDUMP_KERNELVER=6.1", "kernel 6.1\n", NULL },
        { IMPORT_FROM_REDHAT, "KEXEC_ARGS=-s", "", "without kexec(8)" },

        /* Debian's targets */
        { IMPORT_FROM_DEBIAN, "KDUMP_COREDIR=/d", "path /d\n", NULL },
        { IMPORT_FROM_DEBIAN, "SSH=u@h\nSSH_KEY=/k", "sshkey /k\nssh u@h\npath /var/crash\n",
          NULL },
        { IMPORT_FROM_DEBIAN, "SSH=h", "", "takes user@host" },
        { IMPORT_FROM_DEBIAN, "NFS=h:/e", "nfs h:/e\npath /\n", NULL },
        { IMPORT_FROM_DEBIAN, "SSH=u@h NFS=h:/e", "ssh u@h\npath /var/crash\nnfs h:/e\npath /\n",
          "Here the first target that takes" },
        { IMPORT_FROM_DEBIAN, "FTP=h", "url ftp://h/\n", "neither the password nor the dump" },
        { IMPORT_FROM_DEBIAN, "FTP=h:/d FTP_PORT=2121", "url ftp://h:2121/d\n",
          "It goes with 'FTP', below" },
        { IMPORT_FROM_DEBIAN, "FTP=h:d FTP_USER=u FTP_PASSWORD=hunter2", "url ftp://h/d\n",
          "not carried over and not shown: write lines" },
        { IMPORT_FROM_DEBIAN, "FTP=u:hunter2@h:/d", "", "does not fit 'url'" },
        { IMPORT_FROM_DEBIAN, "FTP=h:/d FTP_PORT=x", "", "does not fit 'url'" },
        { IMPORT_FROM_DEBIAN, "FTP=f:/d SSH=u@h NFS=h:/e",
          "url ftp://f/d\nssh u@h\npath /var/crash\nnfs h:/e\npath /\n",
          "Here the first target that takes" },

        /* What is only told */
        { IMPORT_FROM_DEBIAN, "USE_KDUMP=1", "", "enable --now kdump" },
        { IMPORT_FROM_DEBIAN, "USE_KDUMP=0", "", "was turned off" },
        { IMPORT_FROM_DEBIAN, "USE_KDUMP=x", "", "was turned off" },
        { IMPORT_FROM_DEBIAN, "KDUMP_NUM_DUMPS=0", "", "all dumps are kept" },
        { IMPORT_FROM_DEBIAN, "KDUMP_NUM_DUMPS=3", "", "deletes no dump" },
        { IMPORT_FROM_DEBIAN, "KDUMP_DUMP_DMESG=1", "", "log is saved" },
        { IMPORT_FROM_DEBIAN, "KDUMP_DUMP_DMESG=0", "", "cannot be turned off" },
        { IMPORT_FROM_DEBIAN, "USE_KDUMP=$x", "", "a shell can fill in. Enable kdump.service" },
        { IMPORT_FROM_SUSE, "KDUMP_KEEP_OLD_DUMPS=3", "", "deletes no dump" },
        { IMPORT_FROM_SUSE, "KDUMP_SMTP_PASSWORD=hunter2", "", "No mail is sent" },
        { IMPORT_FROM_SUSE, "KDUMP_CPUS=$(hunter2)", "", "What it gives is left to you" },
        { IMPORT_FROM_SUSE, "X=1\nMINE=hunter2", "",
          "From MINE, /f:2: This is no setting of SUSE's" },
        { IMPORT_FROM_SUSE, ". /hunter2", "", "/f:1: is a command, which is not run here." },
};

/* All but the header, which is the same for all. */
static char *run_import(ImportFrom from, const char *text, bool acted_on)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        Import import = { .origin = import_origin(from),
                          .file = "/f",
                          .settings = &settings,
                          .assume_acted_on = acted_on };
        char *out = NULL;
        size_t size = 0;

        assert_int_equal(shell_settings_parse(text, strlen(text), &settings), 0);
        import.out = open_memstream(&out, &size);
        assert_non_null(import.out);
        assert_int_equal(import_run(&import), 0);
        assert_int_equal(fclose(import.out), 0);
        assert_true(import.n_carried + import.n_left <= 2 * settings.n_items + 1);
        return out;
}

/* Parts @text in comments, on one line, and directives; checks which of these are taken out. */
static void split_output(const char *text, char *words, char *lines)
{
        *words = *lines = '\0';
        while (*text) {
                size_t n = strcspn(text, "\n");
                bool out = *text == '#';
                _cleanup_free_ char *name = NULL;

                if (n > 0 && (!out || text[1] != ' ')) {
                        name = strndup(text + out, strcspn(text + out, " "));
                        assert_non_null(name);
                        assert_true(directive_from_string(name) >= 0);
                        strncat(lines, text + out, n - out + 1);
                } else if (n > 0) {
                        assert_true(n <= 100);
                        if (*words)
                                strcat(words, " ");
                        strncat(words, text + 2, n - 2);
                }
                text += n + (text[n] == '\n');
        }
}

/* Our own parser must take it without an error. */
static void check_round_trip(const char *text)
{
        _cleanup_test_root_ char *root = test_root_new();
        _cleanup_close_ int root_fd = test_root_open(root);
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;

        test_write_text(root_fd, "kdump.conf", text);
        if (config_load(root_fd, "/kdump.conf", NULL, &config, &messages) < 0)
                fail_msg("%s\n%s", messages.n_items > 0 ? messages.items[0].text : "?", text);
        for (size_t i = 0; i < messages.n_items; i++)
                if (!strstr(messages.items[i].text, "acted on yet"))
                        fail_msg("%s\n%s", messages.items[i].text, text);
}

static void check_case(const Case *c, bool acted_on)
{
        _cleanup_free_ char *text = run_import(c->from, c->settings, acted_on);
        char words[8192], lines[1024];

        assert_true(strlen(text) < sizeof(words));
        split_output(text, words, lines);
        if (!streq(lines, c->lines) || (c->phrase && !strstr(words, c->phrase)))
                fail_msg("'%s' gives:\n%s", c->settings, text);
        if (strstr(text, "hunter2"))
                fail_msg("'%s' tells a password:\n%s", c->settings, text);
        check_round_trip(text);
}

static void test_each_setting_becomes_a_directive_or_an_explanation(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                check_case(&cases[i], false);
                check_case(&cases[i], true);
        }
}

/* The folder of Debian's dumps stands where our parser takes it for that of the right targets. */
static void test_each_target_has_its_own_folder(void **state)
{
        static const struct {
                const char *settings, *ends;
        } targets[] = {
                { "KDUMP_COREDIR=/d", "path /d\n" },
                { "KDUMP_COREDIR=/d SSH=u@h", "ssh u@h\npath /d\n" },
                { "KDUMP_COREDIR=/d NFS=h:/e", "nfs h:/e\npath /\n" },
                { "KDUMP_COREDIR=/d SSH=u@h NFS=h:/e", "ssh u@h\npath /d\nnfs h:/e\npath /\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
                _cleanup_free_ char *text =
                        run_import(IMPORT_FROM_DEBIAN, targets[i].settings, true);
                char words[8192], lines[1024];

                split_output(text, words, lines);
                assert_string_equal(lines, targets[i].ends);
                check_round_trip(text);
        }
}

/* What is not acted on stands there with a '#', and its folder with it. */
static void test_a_target_that_is_not_acted_on_is_taken_out(void **state)
{
        _cleanup_free_ char *text = run_import(IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://h/e", false);
        _cleanup_free_ char *live = run_import(IMPORT_FROM_SUSE, "KDUMP_SAVEDIR=nfs://h/e", true);
        bool acts = directive_info(DIRECTIVE_NFS)->acted_on;

        assert_non_null(strstr(live, "\nnfs h:/e\npath /\n"));
        assert_non_null(strstr(text, acts ? "\nnfs h:/e\npath /\n" : "\n#nfs h:/e\n#path /\n"));
        assert_true(acts || strstr(text, "dumps go to a folder on this machine"));
}

/* Each rule says something of each value, and is there once. */
static void test_no_rule_is_silent(void **state)
{
        for (ImportFrom from = 0; from < _IMPORT_FROM_MAX; from++) {
                const ImportOrigin *origin = import_origin(from);

                for (size_t i = 0; i < origin->n_rules; i++) {
                        _cleanup_free_ char *setting = NULL, *text = NULL;

                        for (size_t j = 0; j < i; j++)
                                assert_string_not_equal(origin->rules[i].name,
                                                        origin->rules[j].name);
                        assert_int_equal(strprintf(&setting, "%s=1", origin->rules[i].name), 0);
                        text = run_import(from, setting, false);
                        assert_non_null(strstr(text, origin->rules[i].name));
                        check_round_trip(text);
                }
        }
}

static void test_origin_is_guessed_by_name_and_content(void **state)
{
        static const struct {
                const char *file, *text;
                ImportFrom from;
        } guesses[] = {
                { "/etc/default/kdump-tools", "", IMPORT_FROM_DEBIAN },
                { "kdump-tools", "KDUMP_SAVEDIR=x", IMPORT_FROM_DEBIAN },
                { "/etc/sysconfig/kdump", "KDUMP_SAVEDIR=x", IMPORT_FROM_SUSE },
                { "/etc/sysconfig/kdump", "KDUMP_KERNELVER=\nKDUMP_IMG=vmlinuz",
                  IMPORT_FROM_REDHAT },
                { "x", "USE_KDUMP=1", IMPORT_FROM_DEBIAN },
                { "/etc/sysconfig/kdump", "KDUMP_KERNELVER=", _IMPORT_FROM_INVALID },
                { "/etc/sysconfig/kdump", "X=1", _IMPORT_FROM_INVALID },
                { "/etc/sysconfig/kdump", "", _IMPORT_FROM_INVALID },
        };

        for (size_t i = 0; i < ELEMENTSOF(guesses); i++) {
                _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
                const char *text = guesses[i].text;

                assert_int_equal(shell_settings_parse(text, strlen(text), &settings), 0);
                assert_int_equal(import_guess(guesses[i].file, &settings), guesses[i].from);
        }
        assert_int_equal(import_from_string("redhat"), IMPORT_FROM_REDHAT);
        assert_int_equal(import_from_string("arch"), _IMPORT_FROM_INVALID);
        assert_null(import_origin(_IMPORT_FROM_MAX));
        assert_null(import_origin(_IMPORT_FROM_INVALID));
}

static void test_long_words_and_control_characters_stay_in_their_comment(void **state)
{
        _cleanup_(shell_settings_done) ShellSettings settings = { 0 };
        char file[300], *text = NULL;
        size_t size = 0;
        Import import = { .origin = &import_suse, .file = file, .settings = &settings };

        memset(file, 'x', sizeof(file) - 1);
        file[sizeof(file) - 1] = '\0';
        file[10] = '\n';
        import.out = open_memstream(&text, &size);
        assert_non_null(import.out);
        assert_int_equal(import_run(&import), 0);
        assert_int_equal(fclose(import.out), 0);
        check_round_trip(text);
        assert_non_null(strstr(text, "xx?xx"));
        free(text);
}

/* Our parser has a limit, and would refuse the file for it. */
static void test_a_value_that_is_too_long_is_left_to_you(void **state)
{
        static const size_t lengths[] = { 65000, 65535 };

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                _cleanup_free_ char *word = malloc(lengths[i] + 1);
                _cleanup_free_ char *settings = NULL, *text = NULL;

                assert_non_null(word);
                memset(word, 'x', lengths[i]);
                word[lengths[i]] = '\0';
                assert_int_equal(strprintf(&settings, "KDUMP_COMMANDLINE=%s", word), 0);
                text = run_import(IMPORT_FROM_SUSE, settings, true);
                check_round_trip(text);
                assert_int_equal(strstr(text, "fewer bytes") != NULL, i == 1);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_setting_becomes_a_directive_or_an_explanation),
                cmocka_unit_test(test_each_target_has_its_own_folder),
                cmocka_unit_test(test_a_target_that_is_not_acted_on_is_taken_out),
                cmocka_unit_test(test_no_rule_is_silent),
                cmocka_unit_test(test_origin_is_guessed_by_name_and_content),
                cmocka_unit_test(test_long_words_and_control_characters_stay_in_their_comment),
                cmocka_unit_test(test_a_value_that_is_too_long_is_left_to_you),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
