/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of targets on other machines: what the image gets for them, and what is missing. */
#include "test-machine.h"

#include "strv.h"

#define NETWORKD "/usr/lib/systemd/systemd-networkd"
#define HOST_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne"
#define PLAIN_KEY                                                                                  \
        "-----BEGIN OPENSSH PRIVATE KEY-----\n"                                                    \
        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"

static void write_secret(const Fixture *root, const char *path, const char *text)
{
        fixture_write(root, path, text);
        fixture_mode(root, path, 0600);
}

/* A machine that can dump to each kind of target */
static void make_machine(Fixture *root)
{
        machine_make(root);
        machine_add_programs(root);
        fixture_write(root, "/var/lib/kdumpd/addresses.json",
                      "{\"server\":[\"192.0.2.8\"],\"second\":[\"192.0.2.8\"]}");
        write_secret(root, "/root/.ssh/kdump_id_rsa", PLAIN_KEY);
        fixture_write(root, "/root/.ssh/known_hosts", "server " HOST_KEY "\n");
        write_secret(root, "/etc/kdump/secret", "user = me\npassword = hunter2\n");
        write_secret(root, "/etc/kdump/s3", "access_key_id = A\nsecret_access_key = hunter2\n");
        fixture_write(root, "/etc/ssl/certs/ca-certificates.crt", "-----BEGIN CERTIFICATE-----\n");
}

static void check_words(char *const *list, const char *joined)
{
        _cleanup_free_ char *text = NULL;

        assert_int_equal(strv_join(list, &text), 0);
        assert_string_equal(text, joined);
}

static void add_mount(const Fixture *root, const char *line)
{
        char text[1024];

        (void) snprintf(text, sizeof(text),
                        "22 1 254:1 / / rw - ext4 /dev/vda1 rw\n"
                        "23 22 0:50 %s\n",
                        line);
        fixture_write(root, "/proc/self/mountinfo", text);
}

static void test_nfs(void **state)
{
        static const struct {
                const char *conf, *mount, *fstab, *options, *address;
        } cases[] = {
                { "nfs server:/x\npath /d", NULL, NULL, NULL, NULL },
                { "nfs 192.0.2.1:/x\npath /d", NULL, NULL, NULL, "192.0.2.1" },
                { "nfs [2001:db8::1]:/x\npath /d", NULL, NULL, NULL, "2001:db8::1" },
                { "nfs server:/x\npath /d",
                  "/ /mnt rw - nfs4 server:/x "
                  "rw,vers=4.2,rsize=262144,hard,proto=tcp,timeo=600,retrans=2,sec=sys,"
                  "clientaddr=192.0.2.7,local_lock=none,addr=192.0.2.1",
                  NULL, "vers=4.2", NULL },
                { "nfs server:/x\npath /d",
                  "/ /mnt rw - nfs server:/x "
                  "rw,vers=3,port=2050,proto=tcp6,sec=sys,mountaddr=192.0.2.1,mountvers=3,"
                  "mountport=20048,mountproto=udp",
                  NULL, "vers=3,port=2050,mountvers=3", NULL },
                { "nfs server:/x\npath /d", NULL,
                  "server:/x /mnt nfs noauto,nofail,soft,nfsvers=4,sec=sys 0 0\n", "nfsvers=4",
                  NULL },
                { "nfs server:/x\npath /d", "/ /mnt rw - nfs4 other:/x rw,vers=4.1", NULL, NULL,
                  NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };
                const Target *target;

                make_machine(&root);
                if (cases[i].mount)
                        add_mount(&root, cases[i].mount);
                if (cases[i].fstab)
                        fixture_write(&root, "/etc/fstab", cases[i].fstab);
                machine_resolve_text(&root, cases[i].conf, &outcome);
                if (outcome.r < 0)
                        fail_msg("%s", outcome.message);
                target = &outcome.plan->targets[0];
                assert_int_equal(target->type, TARGET_NFS);
                assert_string_equal(target->path, "/d");
                if (!streq_ptr(target->options, cases[i].options))
                        fail_msg("case %zu: options '%s'", i, target->options ?: "NULL");
                check_words(target->addresses, cases[i].address ?: "192.0.2.8");
                assert_int_equal(target->connect_usec, 120 * USEC_PER_SEC);
                assert_null(target->sshkey);
                assert_null(target->s3_region);
                check_words(outcome.needs.drivers, "nfs nfsv3 nfsv4");
                check_words(outcome.needs.binaries, NETWORKD);
                assert_int_equal(outcome.needs.n_files, 0);
                assert_string_equal(outcome.plan->host, "box");
        }
}

static void test_a_folder_on_nfs_or_virtiofs(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome nfs = { 0 }, link = { 0 }, whole = { 0 }, virtiofs = { 0 };

        make_machine(&root);
        fixture_folder(&root, "/net/dumps");
        add_mount(&root, "/sub /net rw - nfs4 server:/x rw,vers=4.2");
        machine_resolve_text(&root, "path /net/dumps/new\n", &nfs);
        assert_int_equal(nfs.r, 0);
        assert_int_equal(nfs.plan->targets[0].type, TARGET_NFS);
        assert_string_equal(nfs.plan->targets[0].what, "server:/x");
        assert_string_equal(nfs.plan->targets[0].path, "/sub/dumps/new");
        assert_string_equal(nfs.plan->targets[0].options, "vers=4.2");
        assert_true(strv_contains(nfs.needs.drivers, "nfsv4"));

        /* Nothing there is looked at, as the server may not answer: no link is followed. */
        fixture_link(&root, "/net/link", "nowhere");
        machine_resolve_text(&root, "path /net/link\n", &link);
        assert_int_equal(link.r, 0);
        assert_string_equal(link.plan->targets[0].path, "/sub/link");
        machine_resolve_text(&root, "path /net\n", &whole);
        assert_int_equal(whole.r, 0);
        assert_string_equal(whole.plan->targets[0].path, "/sub");

        add_mount(&root, "/ /net rw - virtiofs mytag rw");
        machine_resolve_text(&root, "path /net/dumps\n", &virtiofs);
        assert_int_equal(virtiofs.r, 0);
        assert_int_equal(virtiofs.plan->targets[0].type, TARGET_VIRTIOFS);
        assert_string_equal(virtiofs.plan->targets[0].what, "mytag");
        assert_string_equal(virtiofs.plan->targets[0].path, "/dumps");
        check_words(virtiofs.needs.drivers, "virtio_pci virtiofs");
}

static void test_virtiofs(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        machine_make(&root);
        machine_resolve_text(&root, "virtiofs tag\npath /d\n", &outcome);
        assert_int_equal(outcome.r, 0);
        assert_string_equal(outcome.plan->targets[0].what, "tag");
        assert_string_equal(outcome.plan->targets[0].path, "/d");
        check_words(outcome.needs.drivers, "virtio_pci virtiofs");
        assert_null(outcome.needs.binaries);
        assert_string_equal(outcome.plan->host, "box");
}

static void test_ssh(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        const NeededFile *key, *known;
        const Target *target;

        make_machine(&root);
        fixture_write(&root, "/etc/ssh/ssh_known_hosts",
                      "other ssh-rsa AAAAB3NzaOther\n[192.0.2.1]:2222 ssh-rsa AAAAB3NzaX\n");
        machine_resolve_text(&root, "ssh me@192.0.2.1\nssh_port 2222\npath /d\n", &outcome);
        if (outcome.r < 0)
                fail_msg("%s", outcome.message);
        target = &outcome.plan->targets[0];
        assert_int_equal(target->type, TARGET_SSH);
        assert_string_equal(target->what, "me@192.0.2.1");
        assert_int_equal(target->port, 2222);
        assert_string_equal(target->path, "/d");
        check_words(target->addresses, "192.0.2.1");
        assert_string_equal(target->sshkey, "/root/.ssh/kdump_id_rsa");
        assert_string_equal(target->known_hosts, "/etc/kdump/known_hosts/192.0.2.1-2222");
        check_words(outcome.needs.binaries, "/usr/lib/kdumpd/depot-ssh.so " NETWORKD);
        assert_int_equal(outcome.needs.n_files, 2);
        key = outcome_file(&outcome, "/root/.ssh/kdump_id_rsa");
        assert_int_equal(key->mode, 0600);
        assert_string_equal(key->source, "/root/.ssh/kdump_id_rsa");
        known = outcome_file(&outcome, target->known_hosts);
        assert_int_equal(known->mode, 0600);
        assert_null(known->source);
        assert_string_equal(known->text, "[192.0.2.1]:2222 ssh-rsa AAAAB3NzaX\n");
        assert_true(strv_contains(outcome.needs.inputs, "/root/.ssh/known_hosts"));
        assert_true(strv_contains(outcome.needs.inputs, "/etc/ssh/ssh_known_hosts2"));
}

/* What kdump-resolve.service has left; the text is that of net_resolve_update(). */
static void test_names_are_those_known_last(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        make_machine(&root);
        fixture_write(&root, "/var/lib/kdumpd/addresses.json",
                      "{\"server\":[\"192.0.2.1\",\"2001:db8::1\"]}");
        machine_resolve_text(&root,
                             "ssh me@server\nnfs other:/x\nnfs 192.0.2.9:/x\nxfs UUID=aaaa-0002\n",
                             &outcome);
        assert_int_equal(outcome.r, 0);
        check_words(outcome.plan->targets[0].addresses, "192.0.2.1 2001:db8::1");
        assert_null(outcome.plan->targets[1].addresses);
        check_words(outcome.plan->targets[2].addresses, "192.0.2.9");
        assert_null(outcome.plan->targets[3].addresses);
        assert_int_equal(strv_length(outcome.warnings), 1);
        assert_non_null(strstr(outcome.warnings[0], "'other'"));
        assert_true(strv_contains(outcome.needs.inputs, "/var/lib/kdumpd/addresses.json"));
}

/* The one key of each target, and no more. */
static void test_two_servers(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        make_machine(&root);
        write_secret(&root, "/root/.ssh/id_rsa", PLAIN_KEY);
        write_secret(&root, "/root/own", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n");
        fixture_write(&root, "/root/.ssh/known_hosts",
                      "server " HOST_KEY "\nsecond " HOST_KEY "\nthird " HOST_KEY "\n");
        machine_resolve_text(&root, "ssh a@server\nssh b@second\nsshkey /root/own\nnfs server:/x\n",
                             &outcome);
        assert_int_equal(outcome.r, 0);
        assert_int_equal(outcome.plan->n_targets, 3);
        assert_int_equal(outcome.needs.n_files, 4);
        assert_string_equal(outcome.plan->targets[1].sshkey, "/root/own");
        assert_string_equal(outcome_file(&outcome, "/etc/kdump/known_hosts/second-22")->text,
                            "second " HOST_KEY "\n");
        check_words(outcome.needs.binaries, "/usr/lib/kdumpd/depot-ssh.so " NETWORKD);
}

static void test_url(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };
        const Target *target;

        make_machine(&root);
        fixture_write(&root, "/etc/kdump/ca.pem", "ca");
        fixture_write(&root, "/etc/kdump/cert.pem", "cert");
        write_secret(&root, "/etc/kdump/key.pem", "key");
        machine_resolve_text(&root,
                             "url https://server/dumps\ncredentials /etc/kdump/secret\n"
                             "ca_file /etc/kdump/ca.pem\nclient_cert /etc/kdump/cert.pem\n"
                             "client_key /etc/kdump/key.pem\n",
                             &outcome);
        if (outcome.r < 0)
                fail_msg("%s", outcome.message);
        target = &outcome.plan->targets[0];
        assert_int_equal(target->type, TARGET_URL);
        assert_string_equal(target->what, "https://server/dumps");
        assert_string_equal(target->path, "/");
        assert_string_equal(target->credentials, "/etc/kdump/secret");
        assert_string_equal(target->ca_file, "/etc/kdump/ca.pem");
        assert_string_equal(target->client_cert, "/etc/kdump/cert.pem");
        assert_string_equal(target->client_key, "/etc/kdump/key.pem");
        assert_null(target->s3_region);
        assert_int_equal(outcome.needs.n_files, 4);
        for (size_t i = 0; i < outcome.needs.n_files; i++)
                assert_int_equal(outcome.needs.files[i].mode, 0600);
        check_words(outcome.needs.binaries, "/usr/lib/kdumpd/depot-curl.so " NETWORKD);
        assert_null(outcome.warnings);
}

static void test_url_without_settings(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome https = { 0 }, http = { 0 }, ftp = { 0 }, s3 = { 0 },
                                        both = { 0 };

        make_machine(&root);
        write_secret(&root, "/etc/kdump/both.pem", "cert and key");
        machine_resolve_text(&root, "url https://server/x\n", &https);
        assert_int_equal(https.r, 0);
        assert_string_equal(https.plan->targets[0].ca_file, "/etc/ssl/certs/ca-certificates.crt");
        assert_int_equal(https.needs.n_files, 1);

        machine_resolve_text(&root, "url http://server/x\nca_file /none\n", &http);
        assert_int_equal(http.r, 0);
        assert_null(http.plan->targets[0].ca_file);
        assert_int_equal(http.needs.n_files, 0);

        machine_resolve_text(&root, "url ftp://server/x\ncredentials /etc/kdump/secret\n", &ftp);
        assert_int_equal(ftp.r, 0);
        assert_int_equal(strv_length(ftp.warnings), 1);
        assert_non_null(strstr(ftp.warnings[0], "not encrypted"));

        machine_resolve_text(&root,
                             "url s3://bucket/x\ncredentials /etc/kdump/s3\n"
                             "s3_endpoint http://server:7480\n",
                             &s3);
        assert_int_equal(s3.r, 0);
        assert_string_equal(s3.plan->targets[0].s3_endpoint, "http://server:7480");
        assert_string_equal(s3.plan->targets[0].s3_region, "us-east-1");
        assert_null(s3.plan->targets[0].ca_file);
        assert_null(s3.warnings);

        machine_resolve_text(&root, "url https://server/x\nclient_cert /etc/kdump/both.pem\n",
                             &both);
        assert_int_equal(both.r, 0);
        assert_string_equal(both.plan->targets[0].client_key, "/etc/kdump/both.pem");
}

typedef struct Refusal {
        const char *conf, *message;
        const char *path, *text; /* a file that is not as it should be; text NULL: gone */
        unsigned mode;
} Refusal;

static const Refusal refusals[] = {
        { "nfs server:/x", "systemd-networkd", NETWORKD, NULL, 0 },
        { "nfs [fe80::1]:/x", "'fe80::1' may be on any link", NULL, NULL, 0 },
        { "nfs server:/x", "sec=krb5p", "/etc/fstab", "server:/x /mnt nfs4 sec=krb5p 0 0\n", 0644 },
        { "nfs server:/x", "RDMA", "/etc/fstab", "server:/x /mnt nfs proto=rdma 0 0\n", 0644 },
        { "ssh me@server", "depot-ssh.so", "/usr/lib/kdumpd/depot-ssh.so", NULL, 0 },
        { "ssh me@server", "\"kdumpctl propagate\" makes one", "/root/.ssh/kdump_id_rsa", NULL, 0 },
        { "ssh me@server", "can be read by others", "/root/.ssh/kdump_id_rsa", PLAIN_KEY, 0640 },
        { "ssh me@server", "is no private key", "/root/.ssh/kdump_id_rsa", HOST_KEY, 0600 },
        { "ssh me@server", "has a pass phrase", "/root/.ssh/kdump_id_rsa",
          "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIA\n", 0600 },
        { "ssh me@server", "has a pass phrase", "/root/.ssh/kdump_id_rsa",
          "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", 0600 },
        { "ssh me@server", "has a pass phrase", "/root/.ssh/kdump_id_rsa",
          "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n", 0600 },
        { "ssh me@server", "the host key of 'server' is not known", "/root/.ssh/known_hosts", NULL,
          0 },
        { "ssh me@server\nssh_port 2222", "of 'server' on this port is not known",
          "/root/.ssh/known_hosts", "[server]:22222 " HOST_KEY "\n", 0600 },
        { "url https://server", "install ca-certificates", "/etc/ssl/certs/ca-certificates.crt",
          NULL, 0 },
        { "url https://server", "depot-curl.so", "/usr/lib/kdumpd/depot-curl.so", NULL, 0 },
        { "url https://server\nca_file /none", "ca_file: '/none': No such file", NULL, NULL, 0 },
        { "url https://server\nclient_key /etc/kdump/secret", "but not the 'client_cert'", NULL,
          NULL, 0 },
        { "url https://server\nclient_cert /etc/cert", "can be read by others", "/etc/cert", "both",
          0644 },
        { "url https://server\ncredentials /etc/kdump/secret", "can be read by others",
          "/etc/kdump/secret", "x", 0604 },
        { "url https://server\ncredentials /etc/kdump/secret", "is empty", "/etc/kdump/secret", "",
          0600 },
        { "url https://server\ncredentials /etc/kdump", "is not a file", NULL, NULL, 0 },
        { "url s3://bucket", "needs the keys of an account", NULL, NULL, 0 },
        { "url s3://bucket\ncredentials /etc/kdump/secret", "has no access_key_id", NULL, NULL, 0 },
        { "url https://server\ncredentials /etc/kdump/secret", "line 1 is not of the form",
          "/etc/kdump/secret", "hunter2\n", 0600 },
        { "url https://server\ncredentials /etc/kdump/secret", "user without password",
          "/etc/kdump/secret", "user = hunter2\n", 0600 },
};

static void test_what_is_missing_is_named(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(refusals); i++) {
                _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
                _cleanup_(outcome_done) Outcome outcome = { 0 };

                make_machine(&root);
                if (refusals[i].text) {
                        fixture_write(&root, refusals[i].path, refusals[i].text);
                        fixture_mode(&root, refusals[i].path, refusals[i].mode);
                } else if (refusals[i].path)
                        assert_int_equal(unlinkat(root.fd, refusals[i].path + 1, 0), 0);
                machine_resolve_text(&root, refusals[i].conf, &outcome);
                outcome_check_refused(&outcome, refusals[i].message);
                outcome_check_refused(&outcome, "/etc/kdump.conf:1: ");
                assert_null(strstr(outcome.message, "hunter2"));
                /* Whoever mends it need not tell us; fstab is always watched. */
                if (refusals[i].path && !streq(refusals[i].path, "/etc/fstab") &&
                    !strv_contains(outcome.needs.inputs, refusals[i].path))
                        fail_msg("'%s' is not watched", refusals[i].path);
        }
}

/* What a target that is left out needs is not in the image; that it was asked for is remembered. */
static void test_what_is_left_out_needs_nothing(void **state)
{
        _cleanup_(fixture_done) Fixture root = FIXTURE_NULL;
        _cleanup_(outcome_done) Outcome outcome = { 0 };

        make_machine(&root);
        machine_resolve_text(&root, "ssh me@unknown\nvirtiofs tag\n", &outcome);
        assert_int_equal(outcome.r, 0);
        assert_int_equal(outcome.plan->n_targets, 1);
        assert_int_equal(outcome.needs.n_files, 0);
        assert_null(outcome.needs.binaries);
        assert_true(strv_contains(outcome.needs.inputs, "/root/.ssh/known_hosts"));
        assert_int_equal(strv_length(outcome.warnings), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nfs),
                cmocka_unit_test(test_a_folder_on_nfs_or_virtiofs),
                cmocka_unit_test(test_virtiofs),
                cmocka_unit_test(test_ssh),
                cmocka_unit_test(test_names_are_those_known_last),
                cmocka_unit_test(test_two_servers),
                cmocka_unit_test(test_url),
                cmocka_unit_test(test_url_without_settings),
                cmocka_unit_test(test_what_is_missing_is_named),
                cmocka_unit_test(test_what_is_left_out_needs_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
