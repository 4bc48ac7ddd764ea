/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owns what the firmware told the kernel: boot_params, EFI, where ACPI begins, the screen. */
#include "loader-facts-internal.h"
#include "parse.h"
#include "rootdir.h"
#include "strv.h"

/* struct boot_params of arch/x86/include/uapi/asm/bootparam.h */
#define ACPI_RSDP_OFFSET 0x070U
#define CC_BLOB_OFFSET 0x13cU
#define EFI_SIGNATURE_OFFSET 0x1c0U
#define EFI_MEMDESC_VERSION_OFFSET 0x1ccU
#define EFI_MEMMAP_SIZE_OFFSET 0x1d4U

#define EFI_SIGNATURE "EL64"
#define EFI_MEMDESC_VERSION 1U

#define EFI_FOLDER "/sys/firmware/efi"
#define EFI_RANGES_MAX 4096U

static uint32_t boot_params_u32(const LoaderFacts *facts, size_t offset)
{
        uint32_t value;

        memcpy(&value, facts->boot_params + offset, sizeof(value));
        return value;
}

int facts_read_boot_params(int root_fd, LoaderFacts *facts, FactsEncryption *encryption,
                           char **reterr_message)
{
        static const char path[] = "/sys/kernel/boot_params/data";
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = root_read(root_fd, path, sizeof(facts->boot_params), &data, &size);
        if (r == -ENOENT)
                return facts_fail(reterr_message, -EOPNOTSUPP,
                                  "There is no '%s'; this is not x86, or an old kernel", path);
        if (r == -EPERM || r == -EACCES)
                return facts_fail(reterr_message, -EACCES, "We may not read '%s'", path);
        if (r < 0 && r != -EFBIG)
                return r;
        if (r < 0 || size != sizeof(facts->boot_params))
                return facts_fail(reterr_message, -EBADMSG, "'%s' is not of %zu bytes", path,
                                  sizeof(facts->boot_params));
        memcpy(facts->boot_params, data, size);
        memcpy(&facts->acpi_rsdp, facts->boot_params + ACPI_RSDP_OFFSET, sizeof(facts->acpi_rsdp));
        encryption->cc_blob = boot_params_u32(facts, CC_BLOB_OFFSET) != 0;
        return 0;
}

/* The value of "KEY=0x1234", a line of systab; 0 if it is not there. */
static uint64_t systab_value(char *const *lines, const char *key)
{
        uint64_t value;

        for (char *const *line = lines; line && *line; line++) {
                const char *rest = startswith(*line, key);

                if (rest && *rest == '=' && parse_u64(rest + 1, 16, &value) >= 0)
                        return value;
        }
        return 0;
}

/* systab_show() of drivers/firmware/efi/efi.c; the lines have no blanks. */
static int read_systab(int root_fd, char ***ret)
{
        _cleanup_free_ char *text = NULL;
        int r;

        r = root_read_line(root_fd, EFI_FOLDER "/systab", &text);
        if (r < 0)
                return r;
        for (char *p = text; *p; p++)
                if (*p == '\n' || *p == '"' || *p == '\'')
                        *p = ' ';
        return strv_split(text, ret);
}

static int read_efi_range(int root_fd, uint32_t number, LoaderEfiRange *ret)
{
        LoaderEfiRange range = { 0 };
        uint64_t type;
        const struct {
                const char *name;
                uint64_t *ret;
        } files[] = {
                { "type", &type },
                { "phys_addr", &range.paddr },
                { "virt_addr", &range.vaddr },
                { "num_pages", &range.pages },
                { "attribute", &range.attribute },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *path = NULL;

                r = strprintf(&path, EFI_FOLDER "/runtime-map/%u/%s", number, files[i].name);
                if (r < 0)
                        return r;
                r = facts_read_u64(root_fd, path, 16, files[i].ret);
                if (r < 0)
                        return r;
        }
        if (type > UINT32_MAX)
                return -EBADMSG;
        range.type = (uint32_t) type;
        *ret = range;
        return 0;
}

/* They are numbered from 0 on, without gaps: drivers/firmware/efi/runtime-map.c. */
static int read_runtime_map(int root_fd, LoaderEfi *efi)
{
        _cleanup_strv_ char **names = NULL;
        size_t n;
        int r;

        r = root_list(root_fd, EFI_FOLDER "/runtime-map", &names);
        if (r < 0)
                return r;
        n = strv_length(names);
        if (n == 0 || n > EFI_RANGES_MAX)
                return -EBADMSG;
        efi->ranges = calloc(n, sizeof(*efi->ranges));
        if (!efi->ranges)
                return -ENOMEM;
        for (; efi->n_ranges < n; efi->n_ranges++) {
                r = read_efi_range(root_fd, (uint32_t) efi->n_ranges, efi->ranges + efi->n_ranges);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* What efi_setup_init() and efi_systab_init() of arch/x86/platform/efi/efi.c ask a kexec for. */
static int read_efi(int root_fd, const LoaderFacts *facts, char *const *systab, LoaderEfi *efi)
{
        uint64_t bits;
        int r;

        if (memcmp(facts->boot_params + EFI_SIGNATURE_OFFSET, EFI_SIGNATURE, 4) != 0 ||
            boot_params_u32(facts, EFI_MEMDESC_VERSION_OFFSET) != EFI_MEMDESC_VERSION ||
            boot_params_u32(facts, EFI_MEMMAP_SIZE_OFFSET) == 0)
                return -ENODATA;
        r = facts_read_u64(root_fd, EFI_FOLDER "/fw_platform_size", 10, &bits);
        if (loader_facts_error_passes(r))
                return r;
        if (r >= 0 && bits != 64)
                return -ENODATA;
        r = facts_read_u64(root_fd, EFI_FOLDER "/fw_vendor", 16, &efi->fw_vendor);
        if (r < 0)
                return r;
        r = facts_read_u64(root_fd, EFI_FOLDER "/runtime", 16, &efi->runtime);
        if (r < 0)
                return r;
        r = facts_read_u64(root_fd, EFI_FOLDER "/config_table", 16, &efi->config_table);
        if (r < 0)
                return r;
        efi->smbios = systab_value(systab, "SMBIOS");
        return read_runtime_map(root_fd, efi);
}

/* The first line of /proc/fb. Any other driver has taken the screen from the firmware, and it may
 * be elsewhere now. */
static int read_firmware_framebuffer(int root_fd, bool *ret)
{
        static const char *const names[] = { "EFI VGA",   "VESA VGA", "simple",
                                             "simpledrm", "efidrm",   "vesadrm" };
        _cleanup_free_ char *text = NULL;
        const char *name;
        size_t size;
        int r;

        r = root_read_line(root_fd, "/proc/fb", &text);
        if (r < 0)
                return facts_unless_passing(r);
        name = startswith(text, "0 ");
        if (!name)
                return 0;
        size = strcspn(name, "\n");
        /* DRM puts its own behind that of its driver: drm_fb_helper_fill_info(). */
        if (size >= 5 && memcmp(name + size - 5, "drmfb", 5) == 0)
                size -= 5;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                *ret |= strlen(names[i]) == size && memcmp(names[i], name, size) == 0;
        return 0;
}

int facts_read_efi(int root_fd, LoaderFacts *facts)
{
        _cleanup_strv_ char **systab = NULL;
        int r;

        r = read_systab(root_fd, &systab);
        if (loader_facts_error_passes(r))
                return r;
        if (facts->acpi_rsdp == 0)
                facts->acpi_rsdp = systab_value(systab, "ACPI20");
        if (facts->acpi_rsdp == 0)
                facts->acpi_rsdp = systab_value(systab, "ACPI");
        r = read_firmware_framebuffer(root_fd, &facts->firmware_framebuffer);
        if (r < 0)
                return r;
        r = read_efi(root_fd, facts, systab, &facts->efi);
        if (r >= 0)
                return 0;
        /* With half of it the crash kernel would not start; without, it does. */
        free(facts->efi.ranges);
        facts->efi = (LoaderEfi){ 0 };
        return facts_unless_passing(r);
}
