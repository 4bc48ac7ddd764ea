/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what is asked of a server to know that dumps can be saved there. */
#include "ssh-proof.h"

#include <inttypes.h>
#include <sys/mman.h>

#include "io.h"
#include "log.h"
#include "process.h"
#include "strv.h"

#define SSH_FAILED 255 /* ssh(1), EXIT STATUS; all others are of what ran there */
#define PROOF_TIMEOUT_USEC (3 * 60 * USEC_PER_SEC)

/* Run by the other side's sh(1). It has no single quotes, and says by its exit status what failed.
 */
#define PROOF_DONE 10
#define PROOF_NO_FOLDER 11
#define PROOF_NO_FILE 12
#define PROOF_SCRIPT                                                                               \
        "mkdir -p \"$1\" || exit 11; "                                                             \
        "echo kdumpctl >\"$2\" || { rm -f \"$2\"; exit 12; }; "                                    \
        "rm \"$2\" || exit 12; "                                                                   \
        "exit 10"

int ssh_run(char *const *argv, uint64_t timeout_usec, int *ret_status)
{
        int r = process_run(argv, 0, timeout_usec, ret_status);

        if (r == -ENOENT)
                return log_error_errno(r, "There is no '%s': install the OpenSSH client.", argv[0]);
        if (r < 0)
                return log_error_errno(r, "Failed to run '%s': %m", argv[0]);
        return 0;
}

int ssh_target_text(const char *target, bool brackets, char **ret)
{
        const char *at = strrchr(target, '@'), *host = at ? at + 1 : target;
        size_t n = strlen(host);

        if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
                host++;
                n -= 2;
        }
        brackets = brackets && memchr(host, ':', n);
        return strprintf(ret, "%.*s%s%.*s%s", (int) (at ? at + 1 - target : 0), target,
                         brackets ? "[" : "", (int) n, host, brackets ? "]" : "");
}

/* Of the other side's login shell, single quotes are all that we rely on. */
static void print_quoted(FILE *f, const char *word)
{
        (void) fputs(" '", f);
        for (; *word; word++)
                if (*word == '\'')
                        (void) fputs("'\\''", f);
                else
                        (void) fputc(*word, f);
        (void) fputc('\'', f);
}

/* A file in the folder, of a name that nobody else has. */
static int proof_file(const SshProof *proof, char **ret)
{
        return strprintf(ret, "%s/.kdumpctl-%" PRIu64 "-%d", proof->path, now_realtime_usec(),
                         getpid());
}

/* What is to be run there: makes the folder, as a capture does, writes a file in it, and removes
 * it. */
static int proof_command(const SshProof *proof, char **ret)
{
        _cleanup_free_ char *text = NULL, *file = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        r = proof_file(proof, &file);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void) fputs("sh -c '" PROOF_SCRIPT "' kdumpctl", f);
        print_quoted(f, proof->path);
        print_quoted(f, file);
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}

/* A word of a batch of sftp(1). */
static void print_batch_word(FILE *f, const char *word)
{
        (void) fputs(" \"", f);
        for (; *word; word++) {
                if (strchr("\"\\*?[", *word))
                        (void) fputc('\\', f);
                (void) fputc(*word, f);
        }
        (void) fputc('"', f);
}

/* The same as above: folders that exist are no failure. */
static int print_batch(FILE *f, const SshProof *proof, const char *batch)
{
        _cleanup_free_ char *file = NULL;
        int r;

        r = proof_file(proof, &file);
        if (r < 0)
                return r;
        for (const char *p = proof->path + 1;; p++) {
                _cleanup_free_ char *folder = NULL;

                if (*p && *p != '/')
                        continue;
                folder = strndup(proof->path, (size_t) (p - proof->path));
                if (!folder)
                        return -ENOMEM;
                (void) fputs("-@mkdir", f);
                print_batch_word(f, folder);
                (void) fputc('\n', f);
                if (!*p)
                        break;
        }
        (void) fprintf(f, "@put %s", batch); /* for want of another file */
        print_batch_word(f, file);
        (void) fputs("\n@rm", f);
        print_batch_word(f, file);
        (void) fputc('\n', f);
        return 0;
}

/* A file in memory; *ret_name is what others may open it by as long as it is open here. */
static int write_batch(const SshProof *proof, int *ret_fd, char **ret_name)
{
        _cleanup_close_ int fd = memfd_create("kdumpctl-batch", MFD_CLOEXEC);
        _cleanup_free_ char *text = NULL, *name = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        if (fd < 0)
                return -errno;
        r = strprintf(&name, "/proc/%d/fd/%d", getpid(), fd);
        if (r < 0)
                return r;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        r = print_batch(f, proof, name);
        if (fclose(f) != 0 || r < 0)
                return r < 0 ? r : -ENOMEM;
        r = write_full(fd, text, size);
        if (r < 0)
                return r;
        *ret_fd = TAKE_FD(fd);
        *ret_name = TAKE_PTR(name);
        return 0;
}

/* With nothing but what the crash kernel will have: the key, without a certificate that may lie
 * beside it, and the known servers, by their own keys; no settings of ssh, not even the system's,
 * which may name other keys; no agent, and no connection that is open already. The older name of
 * PubkeyAcceptedAlgorithms is understood by all versions. @port_option: ssh(1) and sftp(1) do not
 * agree. */
static int proof_options(const SshProof *proof, const char *port_option, char ***words)
{
        static const char *const options[] = {
                "-F", "none",
                "-o", "BatchMode=yes",
                "-o", "IdentitiesOnly=yes",
                "-o", "IdentityAgent=none",
                "-o", "ControlPath=none",
                "-o", "PreferredAuthentications=publickey",
                "-o", "PubkeyAcceptedKeyTypes=-*-cert-v01@openssh.com",
                "-o", "HostKeyAlgorithms=-*-cert-v01@openssh.com",
                "-o", "StrictHostKeyChecking=yes",
                "-o", "ConnectTimeout=60",
                "-i", NULL
        };
        int r;

        r = strv_extend_strv(words, (char *const *) options);
        if (r >= 0)
                r = strv_extend(words, proof->key);
        if (r >= 0 && proof->port)
                r = strv_extend(words, port_option);
        if (r >= 0 && proof->port)
                r = strv_extend(words, proof->port);
        return r;
}

static int shell_words(const SshProof *proof, char ***ret)
{
        _cleanup_strv_ char **words = NULL;
        _cleanup_free_ char *command = NULL, *target = NULL;
        int r;

        r = ssh_target_text(proof->target, false, &target);
        if (r < 0)
                return r;
        r = proof->path ? proof_command(proof, &command) : strprintf(&command, "true");
        if (r >= 0)
                r = strv_extend(&words, "ssh");
        if (r >= 0)
                r = proof_options(proof, "-p", &words);
        if (r >= 0)
                r = strv_extend(&words, target);
        if (r >= 0)
                r = strv_extend(&words, command);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(words);
        return 0;
}

/* "-S ssh": the one that all others here are, too. */
static int sftp_words(const SshProof *proof, const char *batch, char ***ret)
{
        _cleanup_strv_ char **words = NULL;
        _cleanup_free_ char *target = NULL;
        int r;

        r = ssh_target_text(proof->target, true, &target);
        if (r >= 0)
                r = strv_extend(&words, "sftp");
        if (r >= 0)
                r = strv_extend(&words, "-S");
        if (r >= 0)
                r = strv_extend(&words, "ssh");
        if (r >= 0)
                r = strv_extend(&words, "-b");
        if (r >= 0)
                r = strv_extend(&words, batch);
        if (r >= 0)
                r = proof_options(proof, "-P", &words);
        if (r >= 0)
                r = strv_extend(&words, target);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(words);
        return 0;
}

/* Says what @status of the proof by a shell means; the programs have said why. */
static int explain_proof(int status, const SshProof *proof)
{
        const char *key = proof->key, *target = proof->target, *path = proof->path;

        switch (status) {
        case PROOF_DONE:
                log_info("'%s' lets the key '%s' in%s%s%s.", target, key,
                         path ? ", and takes files in '" : "", path ?: "", path ? "'" : "");
                return 0;
        case SSH_FAILED:
                log_error("'%s' was brought to '%s', but is not enough to log in: ssh says why "
                          "above. The crash kernel has this key only, knows only servers of "
                          "known_hosts, and has no settings of ssh. If the key is "
                          "refused, run 'ssh-copy-id -f -i %s%s%s %s'.",
                          key, target, key, proof->port ? " -p " : "", proof->port ?: "", target);
                return -EACCES;
        case PROOF_NO_FOLDER:
                log_error("'%s' lets the key '%s' in, but '%s' cannot be made there: make it, and "
                          "let the user write to it, or choose another path.",
                          target, key, path);
                return -EACCES;
        case PROOF_NO_FILE:
                log_error("'%s' lets the key '%s' in, but no file can be written in '%s' there: "
                          "let the user write to it, make room, or choose another path.",
                          target, key, path);
                return -EACCES;
        default:
                log_error("'%s' lets the key '%s' in, but takes no file in '%s', neither by sftp "
                          "nor by a shell: let the user write there, or choose another path.",
                          target, key, path ?: "/");
                return -EIO;
        }
}

/* As a capture would do it. Returns 1 if it works, 0 if not: there may be no sftp there. */
static int prove_sftp(const SshProof *proof, bool quiet)
{
        _cleanup_strv_ char **argv = NULL;
        _cleanup_close_ int batch_fd = -EBADF;
        _cleanup_free_ char *batch = NULL;
        int status, r;

        r = write_batch(proof, &batch_fd, &batch);
        if (r >= 0)
                r = sftp_words(proof, batch, &argv);
        if (r < 0)
                return log_error_errno(r, "Failed to write down what to try: %m");
        r = process_run(argv, quiet ? PROCESS_QUIET : 0, PROOF_TIMEOUT_USEC, &status);
        return r >= 0 && status == 0;
}

/* That a key was installed does not mean that it works. */
int ssh_prove(const SshProof *proof)
{
        _cleanup_strv_ char **argv = NULL;
        int status, r;

        if (proof->path) {
                r = prove_sftp(proof, true);
                if (r != 0)
                        return r < 0 ? r : explain_proof(PROOF_DONE, proof);
        }
        r = shell_words(proof, &argv);
        if (r < 0)
                return log_oom();
        r = ssh_run(argv, PROOF_TIMEOUT_USEC, &status);
        if (r < 0)
                return r;
        if (!proof->path && status == 0)
                status = PROOF_DONE;
        /* A server that runs its own sftp whatever it is asked to run ends it with success. */
        if (proof->path && (status == 0 || status == 1))
                (void) prove_sftp(proof, false); /* says why */
        return explain_proof(status, proof);
}
