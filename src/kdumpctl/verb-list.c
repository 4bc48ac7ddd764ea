/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kdumpctl list`: the dumps in the folders that the configuration names, as far as they are
 * mounted here. */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>

#include "config.h"
#include "dump-folders.h"
#include "format.h"
#include "io.h"
#include "json-fields.h"
#include "log.h"
#include "paths.h"
#include "rootdir.h"
#include "store.h"
#include "strv.h"
#include "verbs.h"

typedef struct ListArguments {
        const char *root;   /* NULL: the running system */
        const char *folder; /* NULL: those of the configuration */
        bool json;
        int root_fd;
        char *real_root; /* without any link, for what mounts are called; NULL: as root */
} ListArguments;

static void arguments_done(ListArguments *arguments)
{
        close_fdp(&arguments->root_fd);
        free(arguments->real_root);
}

/* A configuration with errors still leaves the default folder to look into. */
static int find_folders(const ListArguments *arguments, char ***ret)
{
        _cleanup_(config_messages_done) ConfigMessages messages = { 0 };
        _cleanup_(config_freep) Config *config = NULL;
        int r;

        r = config_load(arguments->root_fd, PATH_CONFIG, PATH_CONFIG_DROPIN_DIR, &config,
                        &messages);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                log_warning("The configuration has errors (kdumpctl config); looking into '%s'.",
                            PATH_DEFAULT_DUMPS);
                return strv_extend(ret, PATH_DEFAULT_DUMPS);
        }
        return dump_folders(config, arguments->real_root, ret);
}

static const char *status_of(const DumpEntry *entry)
{
        if (entry->has_record)
                return dump_status_to_string(entry->record.status) ?: "-";
        return entry->incomplete ? "incomplete" : "-";
}

static void print_entry(const char *folder, const DumpEntry *entry)
{
        char time[FORMAT_TIME_MAX], bytes[FORMAT_BYTES_MAX];

        (void) printf("%s/%s  %s  %s  %s  %s\n", folder, entry->name,
                      format_time(entry->time_realtime_usec, time), status_of(entry),
                      format_bytes(entry->total_bytes, bytes), entry->record.panic ?: "-");
}

static int add_record(json_object *object, const DumpRecord *record)
{
        _cleanup_free_ char *json = NULL;
        int r;

        r = dump_record_to_json(record, &json);
        if (r < 0)
                return r;
        return json_object_take(object, "record", json_tokener_parse(json));
}

static int add_entry(json_object *array, const char *folder, const DumpEntry *entry)
{
        json_object *object = json_object_new_object(), *files = json_object_new_object();
        int r;

        if (!object || json_object_array_add(array, object) < 0) {
                json_object_put(object);
                json_object_put(files);
                return -ENOMEM;
        }
        r = json_object_take(object, "files", files);
        if (r == 0)
                r = json_object_take(object, "folder", json_object_new_string(folder));
        if (r == 0)
                r = json_object_take(object, "name", json_object_new_string(entry->name));
        if (r == 0)
                r = json_object_take(object, "status", json_object_new_string(status_of(entry)));
        if (r == 0)
                r = json_object_take(object, "time_realtime_usec",
                                     json_object_new_uint64(entry->time_realtime_usec));
        if (r == 0)
                r = json_object_take(object, "total_bytes",
                                     json_object_new_uint64(entry->total_bytes));
        for (size_t i = 0; r == 0 && i < entry->n_files; i++)
                r = json_object_take(files, entry->files[i].name,
                                     json_object_new_uint64(entry->files[i].size_bytes));
        if (r == 0 && entry->has_record)
                r = add_record(object, &entry->record);
        return r;
}

static int read_store(const ListArguments *arguments, const char *folder, DumpStore *ret)
{
        _cleanup_close_ int fd = -EBADF;

        if (!arguments->root)
                return dump_store_read(AT_FDCWD, folder, ret);
        fd = root_open(arguments->root_fd, folder, O_RDONLY | O_DIRECTORY);
        return fd < 0 ? fd : dump_store_read(fd, ".", ret);
}

/* @array: NULL prints a table. A folder that is not there has no dumps. */
static int list_folder(const ListArguments *arguments, const char *folder, json_object *array,
                       size_t *n_listed)
{
        _cleanup_(dump_store_done) DumpStore store = { 0 };
        int r;

        r = read_store(arguments, folder, &store);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return log_error_errno(r, "Failed to read '%s': %m", folder);
        for (size_t i = 0; i < store.n_entries; i++) {
                (*n_listed)++;
                if (!array) {
                        print_entry(folder, store.entries + i);
                        continue;
                }
                r = add_entry(array, folder, store.entries + i);
                if (r < 0)
                        return log_error_errno(r, "Failed to list '%s': %m", folder);
        }
        if (store.truncated)
                log_warning("There is more in '%s' than is shown.", folder);
        return 0;
}

static int list_folders(const ListArguments *arguments, char *const *folders)
{
        bool json = arguments->json;
        json_object *array = json ? json_object_new_array() : NULL;
        size_t n_listed = 0;
        int r = 0;

        if (json && !array)
                return log_oom();
        if (!json)
                (void) printf("FOLDER  TIME  STATUS  SIZE  PANIC\n");
        for (char *const *folder = folders; folder && *folder; folder++) {
                int q = list_folder(arguments, *folder, array, &n_listed);

                r = r < 0 ? r : q;
        }
        if (array)
                (void) printf("%s\n", json_object_to_json_string_ext(
                                              array, JSON_C_TO_STRING_PRETTY |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
        else if (n_listed == 0)
                log_info("No dumps.");
        json_object_put(array);
        return r;
}

static int parse(int argc, char **argv, ListArguments *ret)
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                { "root", required_argument, NULL, 'r' },
                {},
        };
        int option;

        optind = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (option == '?')
                        return -EINVAL; /* getopt has said why */
                if (option == 'j')
                        ret->json = true;
                else
                        ret->root = optarg;
        }
        if (optind < argc)
                ret->folder = argv[optind++];
        if (parse_nothing(argc - optind + 1, argv + optind - 1) < 0)
                return -EINVAL;
        ret->root_fd = root_option_open(ret->root);
        if (ret->root_fd < 0)
                return ret->root_fd;
        if (ret->root) {
                ret->real_root = realpath(ret->root, NULL);
                if (!ret->real_root)
                        return log_error_errno(errno, "Failed to find out where '%s' is: %m",
                                               ret->root);
        }
        return 0;
}

int verb_list(int argc, char **argv)
{
        _cleanup_(arguments_done) ListArguments arguments = { .root_fd = -EBADF };
        _cleanup_strv_ char **folders = NULL;
        int r;

        if (parse(argc, argv, &arguments) < 0)
                return EXIT_FAILURE;
        r = arguments.folder ? strv_extend(&folders, arguments.folder)
                             : find_folders(&arguments, &folders);
        if (r < 0) {
                (void) log_error_errno(r, "Failed to find the folders with dumps: %m");
                return EXIT_FAILURE;
        }
        return list_folders(&arguments, folders) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
