/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For live.py: plans the network of the namespace that it is run in.
 *
 * net-live FOLDER ADDRESS…: writes networkd's files and network.json into FOLDER. What is kept from
 * one run to the next is below FOLDER/root, and so is what would come from files of the system. A
 * veth device whose name begins with "nic" passes for hardware. */
#include <fcntl.h>

#include "io.h"
#include "log.h"
#include "net-image.h"
#include "paths.h"
#include "strv.h"

static int write_text(const char *folder, const char *name, const char *text)
{
        _cleanup_free_ char *path = NULL;
        int r;

        r = strprintf(&path, "%s/%s", folder, name);
        if (r < 0)
                return r;
        return file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644);
}

static int write_network(const char *folder, const NetImage *image)
{
        _cleanup_json_ struct json_object *object = NULL;
        _cleanup_(network_done) Network network = { 0 };
        _cleanup_free_ char *text = NULL;
        int r;

        r = net_image_network(image, &network);
        if (r >= 0)
                r = network_to_json(&network, &object);
        if (r >= 0)
                r = json_object_format(object, &text);
        if (r < 0)
                return r;
        return write_text(folder, "network.json", text);
}

static int write_image(const char *folder, const NetImage *image)
{
        int r;

        for (size_t i = 0; i < image->n_links; i++)
                for (size_t j = 0; j < image->links[i].n_files; j++) {
                        const NetFile *file = &image->links[i].files[j];

                        r = write_text(folder, strrchr(file->path, '/') + 1, file->text);
                        if (r < 0)
                                return r;
                }
        return write_network(folder, image);
}

static void call_nics_hardware(NetFacts *facts)
{
        for (size_t i = 0; i < facts->n_links; i++) {
                NetLink *link = &facts->links[i];

                if (!streq(link->kind_name, "veth") || !startswith(link->name, "nic"))
                        continue;
                link->kind = NET_KIND_NIC;
                link->kind_name[0] = '\0';
        }
}

static int make(int root_fd, char **addresses, NetImage *ret)
{
        _cleanup_(net_facts_done) NetFacts facts = { 0 };
        _cleanup_(net_image_done) NetImage saved = { 0 };
        _cleanup_strv_ char **warnings = NULL;
        _cleanup_free_ char *message = NULL;
        _cleanup_free_ NetRouteAnswer *answers = NULL;
        const NetImageWant want = { .addresses = addresses, .hostname = "kdump-test" };
        NetImageFacts all = { .facts = &facts, .saved = &saved };
        int r;

        answers = calloc(strv_length(addresses), sizeof(*answers));
        if (!answers)
                return log_oom();
        r = net_facts_read(root_fd, &facts);
        if (r < 0)
                return log_error_errno(r, "Failed to read the network: %m");
        call_nics_hardware(&facts);
        for (size_t i = 0; addresses[i]; i++) {
                Address address;

                r = address_parse(addresses[i], &address);
                if (r >= 0)
                        r = net_route_ask(&address, 0, &answers[i]);
                if (r < 0)
                        (void) log_warning_errno(r, "No way to %s: %m", addresses[i]);
        }
        (void) net_image_read_saved(root_fd, &saved);
        all.answers = answers;
        r = net_image_plan(&all, &want, ret, &warnings, &message);
        for (char **warning = warnings; warning && *warning; warning++)
                log_warning("%s", *warning);
        return r < 0 ? log_error_errno(r, "Failed to plan: %s: %m", message ?: "") : 0;
}

static int run(const char *folder, char **addresses)
{
        _cleanup_(net_image_done) NetImage image = { 0 };
        _cleanup_free_ char *root = NULL, *state = NULL;
        _cleanup_close_ int root_fd = -EBADF;
        int r;

        r = strprintf(&root, "%s/root", folder);
        if (r >= 0)
                r = strprintf(&state, "%s" PATH_STATE_DIR, root);
        if (r >= 0)
                r = mkdir_parents(AT_FDCWD, state, 0755);
        if (r < 0)
                return log_error_errno(r, "Failed to make '%s': %m", root);
        root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root_fd < 0)
                return log_error_errno(errno, "Failed to open '%s': %m", root);
        r = make(root_fd, addresses, &image);
        if (r < 0)
                return r;
        r = write_image(folder, &image);
        if (r >= 0)
                r = net_image_save(root_fd, &image);
        return r < 0 ? log_error_errno(r, "Failed to write: %m") : 0;
}

int main(int argc, char **argv)
{
        log_setup(LOG_TARGET_STDERR, NULL);
        if (argc < 3)
                return EXIT_FAILURE;
        return run(argv[1], argv + 2) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
